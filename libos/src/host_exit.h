/* SPDX-License-Identifier: MIT */
/* Giving up on the host side: a line on stderr, then the process ends with SIGABRT's status. */
#ifndef DUNE_SRC_HOST_EXIT_H
#define DUNE_SRC_HOST_EXIT_H

#include <stddef.h>

struct dune_regs;

/* The call that the guest's registers are, on the host side: its result. */
long host_call_linux(const struct dune_regs *regs);
_Noreturn void host_die(const char *text, size_t length);
/*
 * The program is in ring 3: have its calls that change mappings looked at, by
 * monitor_memory_syscall(), and those that change its mask, by signal_procmask().
 */
void host_watch_ring3(void);
#define HOST_DIE(text) host_die(text, sizeof(text) - 1)

#endif
