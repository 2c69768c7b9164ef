// SPDX-License-Identifier: MIT
/* The guest's handlers, and what Linux is told instead of them. */
#include <errno.h>
#include <signal.h>

#include "../guest.h"
#include "../thread.h"
#include "signal.h"

#define SA_RESTORER 0x04000000ull

static const uint64_t all_signals = ~0ull;

/* Those whose default is a core dump: it shall show the guest's registers. */
static bool dumps_core(int signal)
{
	const uint64_t core = 1ull << SIGQUIT | 1ull << SIGILL | 1ull << SIGTRAP | 1ull << SIGABRT |
			      1ull << SIGBUS | 1ull << SIGFPE | 1ull << SIGSEGV | 1ull << SIGXCPU |
			      1ull << SIGXFSZ | 1ull << SIGSYS;

	return signal < 64 && core >> signal & 1;
}

/* The guest's action in Linux's place for it: ours if there is something to do for us. */
static struct signal_action linux_action(int signal, const struct signal_action *guest)
{
	/* In Dune mode Linux knows no alternate stack, in Linux mode it does. */
	const uint64_t kept = SA_NOCLDSTOP | SA_NOCLDWAIT | SA_RESTART | SA_ONSTACK;
	struct signal_action action = *guest;

	if (guest->handler == (uint64_t)SIG_IGN ||
	    (guest->handler == (uint64_t)SIG_DFL && !dumps_core(signal)))
		return action;
	action.handler = (uint64_t)host_signal;
	action.flags = (guest->flags & kept) | SA_SIGINFO | SA_RESTORER;
	action.restorer = (uint64_t)host_restorer;
	action.mask = all_signals;
	return action;
}

static long linux_set(int signal, const struct signal_action *action, struct signal_action *old)
{
	return raw_syscall6(SYS_rt_sigaction, signal, (long)action, (long)old, 8, 0, 0);
}

void signal_adopt(struct signal_state *state)
{
	struct signal_action old, ours;
	uint64_t blocked;
	int signal;

	raw_syscall6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all_signals, (long)&blocked, 8, 0, 0);
	raw_lock(&state->lock);
	for (signal = 1; signal <= SIGNALS; signal++) {
		if (linux_set(signal, NULL, &old) || old.handler == (uint64_t)host_signal)
			continue;
		ours = linux_action(signal, &old);
		if (ours.handler != old.handler)
			linux_set(signal, &ours, NULL);
		state->actions[signal - 1] = old;
	}
	raw_unlock(&state->lock);
	raw_syscall6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&blocked, 0, 8, 0, 0);
}

struct signal_action signal_action_get(struct signal_state *state, int signal)
{
	struct signal_action action;

	raw_lock(&state->lock);
	action = state->actions[signal - 1];
	raw_unlock(&state->lock);
	return action;
}

void signal_action_default(struct signal_state *state, int signal, bool tell_linux)
{
	struct signal_action action, ours;

	raw_lock(&state->lock);
	action = state->actions[signal - 1]; /* as for Linux, flags and mask stay */
	action.handler = (uint64_t)SIG_DFL;
	ours = tell_linux ? action : linux_action(signal, &action);
	state->actions[signal - 1] = action;
	linux_set(signal, &ours, NULL);
	if (tell_linux)
		state->fatal = signal;
	raw_unlock(&state->lock);
}

long signal_sigaction(struct dune_thread *thread)
{
	struct dune_regs *regs = &thread->run->regs;
	struct signal_state *state = thread->signals;
	struct signal_action *place, old, set, ours;
	int signal = (int)regs->rdi;
	long ret;

	if (signal < 1 || signal > SIGNALS || regs->r10 != 8)
		return -EINVAL;
	place = &state->actions[signal - 1];
	if (regs->rsi && !guest_read(&set, regs->rsi, sizeof(set)))
		return -EFAULT;
	raw_lock(&state->lock);
	ret = linux_set(signal, NULL, &old);
	if (!ret && old.handler == (uint64_t)host_signal)
		old = *place;
	/* One that the process is about to end by stays as it is. */
	if (!ret && regs->rsi && signal != state->fatal) {
		ours = linux_action(signal, &set);
		ret = linux_set(signal, &ours, NULL);
		if (!ret) {
			set.mask &= ~(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1));
			*place = set;
		}
	}
	raw_unlock(&state->lock);
	if (!ret && regs->rdx && !guest_write(regs->rdx, &old, sizeof(old)))
		ret = -EFAULT;
	return ret;
}
