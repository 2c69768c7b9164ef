// SPDX-License-Identifier: MIT
/* Holding a lock with signals put off. */
#include <signal.h>
#include <stddef.h>

#include <dune/lifecycle.h>

#include "block.h"
#include "section.h"
#include "thread.h"

struct dune_thread *thread_here(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) gdt;

	if (!dune_in_guest())
		return NULL;
	/* Its GDT is in its block. Of a program that `dune run` loaded, in another library's. */
	asm volatile("sgdt %0" : "=m"(gdt));
	return block_find(gdt.base);
}

void section_begin(struct section *section, struct raw_lock *lock)
{
	const uint64_t all = ~0ull;

	section->thread = thread_here();
	if (section->thread)
		__atomic_store_n(&section->thread->busy, section->thread->busy + 1,
				 __ATOMIC_SEQ_CST);
	else
		raw_syscall6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all,
			       (long)&section->mask, 8, 0, 0);
	raw_lock(lock);
}

void section_end(struct section *section, struct raw_lock *lock)
{
	struct dune_thread *thread = section->thread;

	raw_unlock(lock);
	if (!thread) {
		raw_syscall6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&section->mask, 0, 8,
			     0, 0);
		return;
	}
	__atomic_store_n(&thread->busy, thread->busy - 1, __ATOMIC_SEQ_CST);
	/*
	 * Those that came are blocked, and sent again: the host side lets them in. On the trap
	 * stack it would not: the way from there looks for them.
	 */
	if (!thread->busy && thread->deferred &&
	    (uintptr_t)section - (uintptr_t)thread >= BLOCK_SIZE)
		hypercall_signals();
}
