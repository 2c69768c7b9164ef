// SPDX-License-Identifier: MIT
/* The mask of a program in ring 3, which a hook may ask for while all signals are put off. */
#include <errno.h>
#include <signal.h>

#include "../guest.h"
#include "../host_exit.h"
#include "../monitor.h"
#include "../thread.h"
#include "signal.h"

#define NOT_TO_BLOCK (1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1))

static long change(uint64_t *mask, int how, uint64_t set)
{
	set &= ~NOT_TO_BLOCK;
	switch (how) {
	case SIG_BLOCK:
		*mask |= set;
		return 0;
	case SIG_UNBLOCK:
		*mask &= ~set;
		return 0;
	case SIG_SETMASK:
		*mask = set;
		return 0;
	default:
		return -EINVAL;
	}
}

/*
 * Linux's mask is the program's unless a signal found it in a hook: then all are
 * blocked until the hook is through, and the program's is what will be set then.
 */
long signal_procmask(struct dune_thread *thread)
{
	const struct dune_regs *regs = &thread->run->regs;
	uint64_t set, old;
	long ret = 0;

	if (monitor_passes(regs) && !thread->deferred)
		return host_call_linux(regs);
	if (regs->r10 != sizeof(set))
		return -EINVAL;
	if (regs->rsi && !guest_read(&set, regs->rsi, sizeof(set)))
		return -EFAULT;
	/* One that comes meanwhile would change what is read here. */
	signal_defer(thread);
	old = thread->deferred_mask;
	if (regs->rsi)
		ret = change(&thread->deferred_mask, (int)regs->rdi, set);
	if (!ret && regs->rdx && !guest_write(regs->rdx, &old, sizeof(old)))
		ret = -EFAULT;
	return ret;
}
