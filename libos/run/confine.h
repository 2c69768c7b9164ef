/* SPDX-License-Identifier: MIT */
/*
 * A program in ring 3 that may do what a policy says: hooks of all its system calls.
 * They and what they call are without libc and vector registers. What a call's
 * arguments point to is copied once; the copy is looked at, and the copy is what
 * Linux gets.
 */
#ifndef DUNE_RUN_CONFINE_H
#define DUNE_RUN_CONFINE_H

#include <stdbool.h>

#include <dune/syscall.h>

/* After policy_load(), before the program begins. Threads and children stay confined. */
int confine_begin(void);

/* Whether [address, address + size) has nothing of libdune in it. */
bool confine_is_programs(uint64_t address, uint64_t size);
/* Have Linux perform this call, of at most five arguments. */
long confine_call(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e);
/* Say, if the policy wants it, that this is refused; path may be NULL. */
void confine_tell(const struct dune_syscall *call, const char *path);

/* Calls with paths and with addresses of sockets: whether it is one, and then its result. */
bool confine_path(struct dune_syscall *call);
bool confine_change(struct dune_syscall *call);
bool confine_socket(struct dune_syscall *call);

#endif
