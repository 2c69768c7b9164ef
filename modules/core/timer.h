/* SPDX-License-Identifier: GPL-2.0 */
/* A vCPU's timer: see struct dune_timer. */
#ifndef DUNE_CORE_TIMER_H
#define DUNE_CORE_TIMER_H

#include <linux/hrtimer.h>
#include <linux/smp.h>
#include <linux/types.h>
#include <asm/msr.h>

struct vcpu;

#define VCPU_TIMER_NEVER (~0ull)
/* From the timer's interrupt to the entry: more is something else's. */
#define VCPU_TIMER_LAG_MAX (1ull << 16)

/* Times are TSC. */
struct vcpu_timer {
	u64 ahead;	/* when the guest wants a look, deadline or not */
	u64 armed;	/* what was last made to look then */
	u64 seen;	/* at the last look */
	/* Where the CPU has no timer of its own for guests. */
	struct hrtimer hrtimer;
	int cpu;	/* that armed it */
	unsigned int rounds; /* for which it has armed itself */
	u64 looked;	/* when its interrupt looked in the entry's place; 0: it did not */
	u64 lag;	/* from there to the entry, the last time */
};

/* Whether there is one: not where the kernel does not know the TSC's frequency. */
bool vcpu_timer_offered(void);
void vcpu_timer_init(struct vcpu *vcpu);
void vcpu_timer_destroy(struct vcpu *vcpu);

/*
 * Right before an entry, interrupts off: whether the timer's own interrupt has looked already, on
 * this CPU and just now.
 */
static inline bool vcpu_timer_has_looked(struct vcpu_timer *timer)
{
	u64 since;

	if (!timer->looked)
		return false;
	since = rdtsc() - timer->looked;
	timer->looked = 0;
	if (since > VCPU_TIMER_LAG_MAX || timer->cpu != smp_processor_id())
		return false;
	timer->lag = since;
	return true;
}

/* If not: send what is due, arm for what is not. */
void vcpu_timer_look(struct vcpu *vcpu);

#endif
