// SPDX-License-Identifier: MIT
/* Holding a lock with signals put off. */
#include <signal.h>
#include <stddef.h>

#include "section.h"

void section_begin(struct section *section, struct raw_lock *lock)
{
	const uint64_t all = ~0ull;
	uint64_t flags = 0;

	/* A task of the runtime may go on in another thread wherever interrupts are on. */
	if (ring0_here())
		flags = interrupts_off();
	section->thread = thread_here();
	if (!section->thread && flags & SECTION_IF) /* another library's */
		asm volatile("sti" ::: "memory");
	if (section->thread) {
		section_enter(section->thread);
		section->flags = flags;
	} else {
		raw_syscall6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all,
			       (long)&section->mask, 8, 0, 0);
	}
	raw_lock(lock);
}

void section_end(struct section *section, struct raw_lock *lock)
{
	if (lock)
		raw_unlock(lock);
	if (section->thread)
		section_leave(section->thread, section, section->flags);
	else
		raw_syscall6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&section->mask, 0, 8,
			     0, 0);
}
