/* SPDX-License-Identifier: MIT */
/*
 * A stretch of code under a lock that no signal handler and no interrupt of the same
 * thread interrupts, so that handlers may call whatever takes the lock. In Dune mode
 * that is a word in memory, for a signal that comes meanwhile to wait for
 * section_end(), and IF.
 */
#ifndef DUNE_SRC_SECTION_H
#define DUNE_SRC_SECTION_H

#include <stdint.h>

#include "block.h"
#include "raw.h"
#include "thread.h"

struct section {
	struct dune_thread *thread; /* NULL outside Dune mode */
	uint64_t mask;
};

static inline bool ring0_here(void)
{
	unsigned int cs;

	asm volatile("mov %%cs, %0" : "=r"(cs));
	return (cs & 3) == 0;
}

/* The thread that executes this, if it is one of this library's in Dune mode; else NULL. */
static inline struct dune_thread *thread_here(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) gdt;

	if (!ring0_here())
		return NULL;
	/* Its GDT is in its block. Of a program that `dune run` loaded, in another library's. */
	asm volatile("sgdt %0" : "=m"(gdt));
	return block_find(gdt.base);
}

void section_begin(struct section *section, struct raw_lock *lock);
void section_end(struct section *section, struct raw_lock *lock);

#define SECTION_IF 0x200u /* of RFLAGS */

/* What RFLAGS were. The red zone below the stack pointer is the caller's. */
static inline uint64_t interrupts_off(void)
{
	uint64_t flags;

	asm volatile("lea -128(%%rsp), %%rsp\n\tpushf\n\tpop %0\n\tlea 128(%%rsp), %%rsp\n\tcli"
		     : "=r"(flags)::"memory");
	return flags;
}

/* The same without a lock, in Dune mode. Who looks at `busy' interrupts it on its own CPU. */
static inline void section_enter(struct dune_thread *thread)
{
	uint64_t flags = interrupts_off();

	if (!thread->busy)
		thread->section_flags = (uint32_t)flags;
	__atomic_store_n(&thread->busy, thread->busy + 1, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/*
 * Signals that came are blocked, and sent again: the host side lets them in. On the trap
 * stack it would not: the way from there looks for them. stack: an address on the one in use.
 */
static inline void section_leave(struct dune_thread *thread, const void *stack)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&thread->busy, thread->busy - 1, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (thread->busy)
		return;
	if (thread->section_flags & SECTION_IF)
		asm volatile("sti" ::: "memory");
	if (thread->deferred && (uintptr_t)stack - (uintptr_t)thread >= BLOCK_SIZE)
		hypercall_signals();
}

#endif
