/* SPDX-License-Identifier: MIT */
/* Loads and stores of ring-0 code that say whether they happened instead of dying. */
#ifndef TESTS_ACCESS_H
#define TESTS_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include <dune.h>

/* Faults seen since the program began. */
extern volatile long access_faults;

/* A page-fault handler for dune_pgfault_set(): the access that faulted is given up. */
void access_fault(uintptr_t address, uint32_t error, struct dune_trap_frame *frame,
		  void *unused);

/* r15 tells the handler where to go on: behind the access and behind what notes its success. */
static inline bool access_load(const volatile uint64_t *at, uint64_t *value)
{
	uint64_t ok = 0, got = 0;

	asm volatile("lea 1f(%%rip), %%r15\n\t"
		     "mov (%2), %0\n\t"
		     "mov $1, %1\n"
		     "1:"
		     : "+&r"(got), "+&r"(ok)
		     : "r"(at)
		     : "r15", "memory");
	*value = got;
	return ok;
}

static inline bool access_store(volatile uint64_t *at, uint64_t value)
{
	uint64_t ok = 0;

	asm volatile("lea 1f(%%rip), %%r15\n\t"
		     "mov %2, (%1)\n\t"
		     "mov $1, %0\n"
		     "1:"
		     : "+&r"(ok)
		     : "r"(at), "r"(value)
		     : "r15", "memory");
	return ok;
}

#endif
