/* SPDX-License-Identifier: MIT */
/* Beginning another program in this process, in Dune mode. */
#ifndef DUNE_SRC_START_H
#define DUNE_SRC_START_H

#include <stdint.h>

/*
 * After dune_init(): the calling thread, the only one, continues at entry in
 * ring 0 with this stack, as after an execve: other registers are 0, FS has no
 * base, handlers are Linux's. What called this is never heard of again; its
 * memory stays. Returns -errno only if the guest cannot be entered.
 */
int dune_start(uint64_t entry, uint64_t stack);

#endif
