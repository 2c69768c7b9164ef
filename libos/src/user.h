/* SPDX-License-Identifier: MIT */
/*
 * Ring 3 under ring 0, as the rest of libdune sees it. A descriptor of the thread's
 * own GDT is present while ring 3 runs: SYSCALL's entry asks it without a register,
 * and the host side reads it. What is between there and C code has FS of one ring
 * and code of the other: a signal waits until it is through.
 */
#ifndef DUNE_SRC_USER_H
#define DUNE_SRC_USER_H

#include <stdbool.h>

#include <dune/user.h>

#include "thread.h"

/* Ring 3 runs, or is being entered or left. */
static inline bool user_running(const struct dune_thread *thread)
{
	return __atomic_load_n(&thread->gdt[SELECTOR_IN_USER / 8], __ATOMIC_RELAXED) != 0;
}

/*
 * Whether regs are ring 3's own. False in the code around it: regs may have been
 * changed so that a signal which waits will be looked for.
 */
bool user_is_whole(struct dune_thread *thread, struct dune_regs *regs);
/* The host side takes ring 3 away: regs and the vCPU become ring 0's, about to return. */
void user_interrupt(struct dune_thread *thread, struct dune_regs *regs);
/* The guest side: an exception of ring 3 in frame, which becomes ring 0's return. */
void user_trap(struct dune_thread *thread, struct dune_trap_frame *frame, uint64_t cr2);
/* The same frame, as a signal wants ring 3 left. */
void user_iret(struct dune_thread *thread, const struct dune_trap_frame *frame);

#endif
