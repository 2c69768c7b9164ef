/* SPDX-License-Identifier: MIT */
/* A write to a protected page, and the handler that is told: what each system does its own way. */
#ifndef MICRO_TRAP_H
#define MICRO_TRAP_H

#include <stddef.h>
#include <stdint.h>

#include "micro/series.h"

typedef void (*protect_fn)(char *at, size_t size, bool writable);

/* Every fault on a protected page calls trap_taken(). */
void group_traps(const struct plan *plan, const char *who, protect_fn protect);

/* From the handler. now: the time of its first instruction; rip: where it goes on. */
void trap_taken(uint64_t now, uintptr_t address, uint64_t *rip);

#endif
