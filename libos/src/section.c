// SPDX-License-Identifier: MIT
/* Holding a lock with signals put off. */
#include <signal.h>
#include <stddef.h>

#include "section.h"

void section_begin(struct section *section, struct raw_lock *lock)
{
	const uint64_t all = ~0ull;

	section->thread = thread_here();
	if (section->thread)
		section->flags = section_enter(section->thread);
	else
		raw_syscall6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all,
			       (long)&section->mask, 8, 0, 0);
	raw_lock(lock);
}

void section_end(struct section *section, struct raw_lock *lock)
{
	raw_unlock(lock);
	if (section->thread)
		section_leave(section->thread, section, section->flags);
	else
		raw_syscall6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&section->mask, 0, 8,
			     0, 0);
}
