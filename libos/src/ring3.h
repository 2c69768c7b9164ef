/* SPDX-License-Identifier: MIT */
/* What code in ring 3 has for segments and flags, by dune_user_run() and as a whole program. */
#ifndef DUNE_SRC_RING3_H
#define DUNE_SRC_RING3_H

#include "thread.h"

/* As SYSRET loads them. */
#define SELECTOR_DATA3 ((SELECTOR_USER + 8) | 3)
#define SELECTOR_CODE3 ((SELECTOR_USER + 16) | 3)

#define RFLAGS_OF_PROGRAM 0x250dd5ull /* ID AC RF OF DF TF SF ZF AF PF CF */
#define RFLAGS_FIXED (RFLAGS_ALWAYS | RFLAGS_IF)
/*
 * What ring 0 does not take over: NT, AC, DF, TF, and what arithmetic left. And IF, as
 * its first instructions have ring 3's stack pointer.
 */
#define SYSCALL_CLEARS 0x44fd5u

static inline uint64_t flags_of_ring3(uint64_t rflags)
{
	return (rflags & RFLAGS_OF_PROGRAM) | RFLAGS_FIXED;
}

#endif
