/* SPDX-License-Identifier: MIT */
/* Live words of the run page, which the module reads at exits. */
#ifndef DUNE_SRC_LIVE_H
#define DUNE_SRC_LIVE_H

#include "thread.h"

/* An exit may be at any instruction. */
static inline void live_set(__u64 *word, uint64_t value)
{
	*(volatile __u64 *)word = value;
}

static inline uint64_t live_get(const __u64 *word)
{
	return *(const volatile __u64 *)word;
}

/* In ring 0: the module looks at them now. */
static inline void live_look(void)
{
	uint64_t rax = DUNE_HYPERCALL_TIMER;

	if (dune_process.vmx)
		asm volatile("vmcall" : "+a"(rax)::"memory");
	else
		asm volatile("vmmcall" : "+a"(rax)::"memory");
}

/* dune_timer_set_within(), of a timer that is open. */
static inline void live_timer_set(struct dune_timer *timer, uint64_t deadline, uint64_t slack)
{
	uint64_t armed;

	live_set(&timer->deadline, deadline);
	armed = live_get(&timer->armed);
	if (deadline < armed && armed - deadline > slack)
		live_look();
}

#endif
