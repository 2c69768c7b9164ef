/* SPDX-License-Identifier: MIT */
/* Descriptors of a program that are its terminal in memory: writing to them is no exit. */
#ifndef DUNE_SRC_TERMINAL_H
#define DUNE_SRC_TERMINAL_H

/*
 * Of the memory that shared_fd is (rt/shared.h): map it and hook the calls that write to the
 * terminal, if descriptors 0 to 2 are still it. After dune_init(), by the only thread.
 * 0 or -errno: the program then writes to these descriptors as to any.
 */
int terminal_begin(int shared_fd);

/* The struct rt_shared that is mapped, NULL if there is none. */
struct rt_shared *terminal_shared(void);

#endif
