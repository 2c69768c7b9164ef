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
	union {
		uint64_t mask;	/* there */
		uint64_t flags; /* in Dune mode: RFLAGS before */
	};
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
/* lock: NULL if it was given back before. */
void section_end(struct section *section, struct raw_lock *lock);

#define SECTION_IF 0x200u /* of RFLAGS */

/* What RFLAGS were. libdune is compiled to have no red zone. */
static inline uint64_t interrupts_off(void)
{
	uint64_t flags;

	asm volatile("pushf\n\tpop %0\n\tcli" : "=r"(flags)::"memory");
	return flags;
}

/*
 * The same without a lock, in Dune mode. Who looks at `busy' interrupts it on its own CPU.
 * What section_leave() is to be told.
 */
static inline uint64_t section_enter(struct dune_thread *thread)
{
	uint64_t flags = interrupts_off();

	__atomic_store_n(&thread->busy, thread->busy + 1, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return flags;
}

/*
 * Signals that came are blocked, and sent again: the host side lets them in. On the trap
 * stack it would not: the way from there looks for them. stack: an address on the one in use.
 */
static inline void section_leave(struct dune_thread *thread, const void *stack, uint64_t flags)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&thread->busy, thread->busy - 1, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (flags & SECTION_IF)
		asm volatile("sti" ::: "memory");
	if (!thread->busy && thread->deferred && (uintptr_t)stack - (uintptr_t)thread >= BLOCK_SIZE)
		hypercall_signals();
}

#endif
