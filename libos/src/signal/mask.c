// SPDX-License-Identifier: MIT
/* The mask of a program in ring 3, which a hook may ask for while all signals are put off. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>

#include "../guest.h"
#include "../host_exit.h"
#include "../thread.h"
#include "signal.h"

#define NOT_TO_BLOCK (1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1))

static bool is_how(int how)
{
	return how == SIG_BLOCK || how == SIG_UNBLOCK || how == SIG_SETMASK;
}

static uint64_t changed(uint64_t mask, int how, uint64_t set)
{
	set &= ~NOT_TO_BLOCK;
	if (how == SIG_BLOCK)
		return mask | set;
	return how == SIG_UNBLOCK ? mask & ~set : set;
}

/*
 * Linux's mask is the program's unless a signal found it where it could not be
 * delivered: then all are blocked for a while, and the program's is what will be set
 * after it. So it is changed there, and set on the way back.
 */
long signal_procmask(struct dune_thread *thread)
{
	const struct dune_regs *regs = &thread->run->regs;
	uint64_t set, old;

	/* It changes nothing: libdune's own way to ask whether memory can be read. */
	if (regs->rsi && !is_how((int)regs->rdi))
		return host_call_linux(regs);
	if (regs->r10 != sizeof(set))
		return -EINVAL;
	if (regs->rsi && !guest_read(&set, regs->rsi, sizeof(set)))
		return -EFAULT;
	/* One that comes meanwhile would put all off, too, and Linux's mask would be that. */
	signal_defer(thread);
	old = thread->deferred_mask;
	if (regs->rsi)
		thread->deferred_mask = changed(old, (int)regs->rdi, set);
	return regs->rdx && !guest_write(regs->rdx, &old, sizeof(old)) ? -EFAULT : 0;
}
