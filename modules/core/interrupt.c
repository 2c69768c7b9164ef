// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts that threads of the process send to a vCPU. They wait in a bitmap; a
 * vCPU that is inside the guest is made to leave it, and looks before it enters.
 */
#include <linux/bitops.h>
#include <linux/smp.h>
#include <trace/events/ipi.h> /* newer kernels trace what is sent */

#include "core/vcpu.h"

#define VECTORS 256
#define FIRST_VECTOR 32 /* those below are exceptions */

int vcpu_interrupt(struct vcpu *vcpu, unsigned long vector)
{
	int cpu;

	if (vector < FIRST_VECTOR || vector >= VECTORS)
		return -EINVAL;
	if (READ_ONCE(vcpu->dead))
		return -ENODEV;
	preempt_disable(); /* no CPU goes offline meanwhile */
	/* Whoever set it first does the rest. */
	if (test_and_set_bit(vector, vcpu->interrupts))
		goto out;
	WRITE_ONCE(vcpu->interrupt_work, true);
	/*
	 * Pairs with the barrier in vcpu_enter(): either the vCPU sees that, or it
	 * is seen here as inside the guest.
	 */
	smp_mb();
	cpu = READ_ONCE(vcpu->in_guest_cpu);
	if (cpu >= 0)
		smp_send_reschedule(cpu); /* any interrupt will do, and this one does least */
out:
	preempt_enable();
	return 0;
}

/* The highest; more: whether there are others. False: none. */
static __always_inline bool highest(const struct vcpu *vcpu, unsigned long *vector, bool *more)
{
	unsigned long word, rest = 0;
	int i;

	BUILD_BUG_ON(ARRAY_SIZE(vcpu->interrupts) != VECTORS / BITS_PER_LONG);
#pragma GCC unroll 4
	for (i = VECTORS / BITS_PER_LONG - 1; i >= 0; i--) {
		word = READ_ONCE(vcpu->interrupts[i]);
		if (word)
			break;
	}
	if (i < 0)
		return false;
	*vector = i * BITS_PER_LONG + __fls(word);
	rest = word & ~BIT(__fls(word));
	while (--i >= 0)
		rest |= READ_ONCE(vcpu->interrupts[i]);
	*more = rest;
	return true;
}

void vcpu_interrupts_take(struct vcpu *vcpu)
{
	unsigned long vector;
	bool more = false;

	WRITE_ONCE(vcpu->interrupt_work, false);
	/* A vector that is set after the look comes with the word set again. */
	smp_mb();
	if (highest(vcpu, &vector, &more)) {
		if (!vcpu->event.valid && static_call(backend_interruptible)(vcpu)) {
			clear_bit(vector, vcpu->interrupts);
			vcpu->event = (struct vcpu_event){
				.valid = true,
				.type = EVENT_INTERRUPT,
				.vector = vector,
			};
		} else {
			more = true;
		}
	}
	if (more)
		WRITE_ONCE(vcpu->interrupt_work, true);
	static_call(backend_interrupt_window)(vcpu, more);
}
