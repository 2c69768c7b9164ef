/* SPDX-License-Identifier: GPL-2.0 */
/* A vCPU's timer: see struct dune_timer. */
#ifndef DUNE_CORE_TIMER_H
#define DUNE_CORE_TIMER_H

#include <linux/hrtimer.h>
#include <linux/types.h>

struct vcpu;

#define VCPU_TIMER_NEVER (~0ull)

/* Times are TSC. */
struct vcpu_timer {
	u64 ahead;	/* when the guest wants a look, deadline or not */
	u64 armed;	/* what was last made to look then */
	u64 seen;	/* at the last look */
	/* Where the CPU has no timer of its own for guests. */
	struct hrtimer hrtimer;
	int cpu;	/* that armed it */
	unsigned int rounds; /* for which it has armed itself */
	u64 expired;	/* when it last did; 0: it did not, since the last look */
	u64 lag;	/* from then to the look */
};

/* Whether there is one: not where the kernel does not know the TSC's frequency. */
bool vcpu_timer_offered(void);
void vcpu_timer_init(struct vcpu *vcpu);
void vcpu_timer_destroy(struct vcpu *vcpu);
/* Right before an entry, interrupts off: send what is due, arm for what is not. */
void vcpu_timer_look(struct vcpu *vcpu);

#endif
