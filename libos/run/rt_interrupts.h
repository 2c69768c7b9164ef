/* SPDX-License-Identifier: MIT */
/* /proc/interrupts, now and then, for one CPU. */
#ifndef DUNE_RUN_RT_INTERRUPTS_H
#define DUNE_RUN_RT_INTERRUPTS_H

#include <stdint.h>

#define INTERRUPTS_NOW "/proc/interrupts"

/* Each row that has grown on this CPU from one file to the next: its name, by how much. */
void interrupts_since(const char *file, const char *next, unsigned int cpu,
		      void (*call)(const char *name, uint64_t count, void *arg), void *arg);

#endif
