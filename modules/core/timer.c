// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU's timer, which the guest sets by writing a word. It is armed lazily: what is
 * armed stays as long as it does not come too late, and when it comes too early, the
 * look that it brings about arms it anew. VMX counts in the guest itself; elsewhere an
 * hrtimer's interrupt on this CPU ends the guest as any interrupt does.
 */
#include <linux/math64.h>
#include <linux/smp.h>
#include <asm/tsc.h>
#include <trace/events/ipi.h> /* newer kernels trace what is sent */

#include "core/vcpu.h"

#define FIRST_VECTOR 32
#define LAST_VECTOR 255

/* No longer than this at a time: a product with it fits. */
#define TICKS_MAX (1ull << 40)
/* The TSCs of CPUs may differ by less; a sleep of the machine may set them back by more. */
#define TICKS_BACK (1ull << 32)
/* What comes so soon is not left to a clock that differs. */
#define SOON 1024
/* How often the timer arms itself by the clock that it was armed by. */
#define ROUNDS_MAX 64

static u64 ticks_to_ns(u64 ticks)
{
	return div_u64(ticks * 1000000, tsc_khz) + 1;
}

/*
 * Send the interrupt that is due; when to look again for its sake. rang: the timer brought this
 * about. lag: from now to the entry, after which the guest counts.
 */
static __always_inline u64 timer_next(struct vcpu *vcpu, u64 vector, u64 now, bool rang, u64 lag)
{
	struct vcpu_timer *timer = &vcpu->timer;
	struct dune_timer *live = &vcpu->run->timer;
	u64 deadline = READ_ONCE(live->deadline), ahead;

	/* Nobody would wait for a deadline of before the machine slept: better too early. */
	if (now >= deadline ||
	    unlikely(deadline != VCPU_TIMER_NEVER && now + TICKS_BACK < timer->seen)) {
		vcpu->counts.timer_interrupts++;
		set_bit(vector, vcpu->interrupts);
		WRITE_ONCE(vcpu->interrupt_work, true);
		WRITE_ONCE(live->deadline, deadline = VCPU_TIMER_NEVER);
		ahead = READ_ONCE(live->ahead);
		timer->ahead = ahead ? now + lag + min(ahead, TICKS_MAX) : VCPU_TIMER_NEVER;
	} else {
		if (rang || (now >= timer->armed && timer->armed != vcpu->shield))
			vcpu->counts.timer_early++;
		if (now >= timer->ahead)
			timer->ahead = VCPU_TIMER_NEVER;
	}
	timer->seen = now;
	return min(deadline, timer->ahead);
}

static bool is_vector(u64 vector)
{
	return vector >= FIRST_VECTOR && vector <= LAST_VECTOR;
}

/*
 * In the interrupt that ended the guest on this CPU: the look that the entry would take, but for
 * what it finds by then. The kernel sets its clock anew behind each interrupt: with the next time
 * known here, that is done once and not again before the entry.
 */
static enum hrtimer_restart hrtimer_look(struct vcpu *vcpu)
{
	struct vcpu_timer *timer = &vcpu->timer;
	u64 vector = READ_ONCE(vcpu->run->timer.vector), now = rdtsc_ordered(), next;

	/*
	 * Once for each entry: a guest must not keep the kernel in this interrupt. Nor if
	 * this one was called off from another CPU: there is nothing to count from.
	 */
	if (timer->looked || timer->armed == VCPU_TIMER_NEVER || !vcpu->timer_work ||
	    !is_vector(vector)) {
		timer->looked = 0;
		return HRTIMER_NORESTART;
	}
	next = timer_next(vcpu, vector, now, true, timer->lag);
	/* The two clocks differ by little; but not for ever. */
	if (next < now + SOON || next - timer->armed > TICKS_MAX || ++timer->rounds > ROUNDS_MAX) {
		timer->armed = VCPU_TIMER_NEVER;
		return HRTIMER_NORESTART;
	}
	hrtimer_add_expires_ns(&timer->hrtimer, ticks_to_ns(next - timer->armed));
	timer->armed = next;
	WRITE_ONCE(vcpu->run->timer.armed, next);
	timer->looked = now;
	return HRTIMER_RESTART;
}

/*
 * The interrupt itself did what was wanted, unless this CPU is not where the guest is: the
 * other went offline for a while, or the thread moved while this ran.
 */
static enum hrtimer_restart hrtimer_expired(struct hrtimer *hrtimer)
{
	struct vcpu *vcpu = container_of(hrtimer, struct vcpu, timer.hrtimer);
	int cpu;

	/* Pairs with that in vcpu_enter(): it sees this one not queued, or is seen inside. */
	smp_mb();
	cpu = READ_ONCE(vcpu->in_guest_cpu);
	if (cpu == smp_processor_id())
		return hrtimer_look(vcpu);
	/* It has rung: what it was armed for has to be armed again. */
	WRITE_ONCE(vcpu->timer.looked, 0);
	if (cpu >= 0)
		smp_send_reschedule(cpu);
	return HRTIMER_NORESTART;
}

bool vcpu_timer_offered(void)
{
	return tsc_khz;
}

void vcpu_timer_init(struct vcpu *vcpu)
{
	/* The TSC goes on while the machine is idle for long, as this clock does. */
	hrtimer_init(&vcpu->timer.hrtimer, CLOCK_BOOTTIME, HRTIMER_MODE_REL_PINNED_HARD);
	vcpu->timer.hrtimer.function = hrtimer_expired;
	vcpu->timer.ahead = vcpu->timer.armed = VCPU_TIMER_NEVER;
}

void vcpu_timer_destroy(struct vcpu *vcpu)
{
	hrtimer_cancel(&vcpu->timer.hrtimer);
}

/* One that is armed and comes too early, or is not wanted any more, does no harm. */
static void hrtimer_arm(struct vcpu_timer *timer, u64 now, u64 when)
{
	bool queued = hrtimer_is_queued(&timer->hrtimer);
	u64 ticks;

	if (queued && timer->armed <= when && timer->cpu == smp_processor_id())
		return;
	timer->armed = when;
	if (when == VCPU_TIMER_NEVER)
		return;
	timer->cpu = smp_processor_id();
	timer->rounds = 0;
	ticks = min(when - now, TICKS_MAX);
	hrtimer_start(&timer->hrtimer, ns_to_ktime(ticks_to_ns(ticks)),
		      HRTIMER_MODE_REL_PINNED_HARD);
}

/* See that there is an exit at that time, or before. */
static void arm(struct vcpu *vcpu, u64 now, u64 when)
{
	struct vcpu_timer *timer = &vcpu->timer;
	u64 ticks = when == VCPU_TIMER_NEVER ? VCPU_TIMER_NEVER : when - now;

	if (backend->timer_arm && backend->timer_arm(vcpu, ticks))
		timer->armed = when;
	else
		hrtimer_arm(timer, now, when);
	WRITE_ONCE(vcpu->run->timer.armed, timer->armed);
}

void vcpu_timer_look(struct vcpu *vcpu)
{
	u64 vector, now, when;

	vector = READ_ONCE(vcpu->run->timer.vector);
	now = rdtsc_ordered();
	if (!is_vector(vector) || !vcpu_timer_offered()) {
		vcpu->timer.ahead = when = VCPU_TIMER_NEVER;
		vcpu->timer_work = false;
	} else {
		when = timer_next(vcpu, vector, now, false, 0);
	}
	when = min(when, vcpu_shield_look(vcpu, now));
	if (vcpu->shield)
		vcpu->timer_work = true;
	arm(vcpu, now, when);
}
