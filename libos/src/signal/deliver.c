// SPDX-License-Identifier: MIT
/* A signal has come: hand it to the guest, or to a thread in Linux mode, or put it off. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "../block.h"
#include "../monitor.h"
#include "../thread.h"
#include "../user.h"
#include "signal.h"

#define ARCH_SET_FS 0x1002
#define ARCH_SET_GS 0x1001
#define RFLAGS_PLAIN 0x202 /* of the host side */

/* Labels in enter.S. */
extern const char host_loop[], host_run_done[], host_call[], host_call_done[], host_loop_end[];
extern const char host_unblock_done[], host_sigreturn_done[];
/* And in trap.S. */
extern const char trap_check[], trap_end[];

void signal_defer(struct dune_thread *thread)
{
	const uint64_t all = ~0ull;
	uint64_t old;

	raw_syscall6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&old, 8, 0, 0);
	/* One that came before the call has seen to it already. */
	if (thread->deferred)
		return;
	thread->deferred_mask = old;
	thread->deferred = 1;
}

/* Signals of what an instruction does. */
#define FAULTS                                                                          \
	(1ull << (SIGSEGV - 1) | 1ull << (SIGILL - 1) | 1ull << (SIGBUS - 1) |          \
	 1ull << (SIGFPE - 1) | 1ull << (SIGTRAP - 1))

static void queue(int signal, const struct signal_info *info)
{
	long pid = raw_syscall3(SYS_getpid, 0, 0, 0);
	long tid = raw_syscall3(SYS_gettid, 0, 0, 0);

	raw_syscall6(SYS_rt_tgsigqueueinfo, pid, tid, signal, (long)info, 0, 0);
}

static bool within(uint64_t rip, const char *from, const char *to)
{
	return rip >= (uint64_t)from && rip < (uint64_t)to;
}

/* Of ring 3 that says nothing: it points where it likes. */
static bool on_trap_stack(struct dune_thread *thread)
{
	if (monitor_on())
		return monitor_between(thread);
	return user_running(thread) ? thread->trapping :
				      trap_in_flight((uint64_t)thread, &thread->run->regs);
}

/*
 * On its trap stack the guest is about to return from an exception, or to go on
 * to a handler of the program: both look for signals that wait. It may have just
 * looked: then it looks again.
 */
static void trap_look_again(struct dune_thread *thread)
{
	struct dune_regs *regs = &thread->run->regs;

	if (monitor_on())
		monitor_look_again(thread);
	if (!within(regs->rip, trap_check, trap_end))
		return;
	regs->rip = (uint64_t)trap_check;
	regs->rbp = (uint64_t)thread + TRAP_STACK_TOP - TRAP_FRAME_SIZE;
	regs->r12 = (uint64_t)thread;
}

/* Which calls wait with another mask, and where the guest passes it. NULL: none or not these. */
static const uint64_t *mask_of_call(const struct dune_regs *regs)
{
	switch ((uint32_t)regs->rax) {
	case SYS_rt_sigsuspend:
		return (const uint64_t *)regs->rdi;
	case SYS_ppoll:
		return (const uint64_t *)regs->r10;
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
		return (const uint64_t *)regs->r8;
	case SYS_pselect6:
	case SYS_io_pgetevents:
		return regs->r9 ? *(const uint64_t **)regs->r9 : NULL;
	default:
		return NULL;
	}
}

/*
 * The guest's registers, as they would be if the signal had come to it directly.
 * False: they cannot be told from here. *mask: what was blocked, apart from what
 * the kernel will block again after the handler.
 */
static bool guest_regs(struct dune_thread *thread, const struct signal_context *context,
		       struct dune_regs *regs, uint64_t *mask)
{
	const struct dune_run *run = thread->run;
	uint64_t rip = context->regs.rip;

	*regs = run->regs;
	*mask = context->mask;
	if (monitor_on()) {
		const uint64_t *of_call = mask_of_call(regs);

		if (monitor_restart(thread, rip, regs))
			return true;
		/* With its own mask back, the signal would wait for nobody. */
		if (rip == (uint64_t)host_call_done && (int)context->regs.rax == -EINTR &&
		    of_call && monitor_interrupted(thread, regs)) {
			*mask = *of_call;
			return true;
		}
		monitor_settle(thread, regs);
	}
	if (on_trap_stack(thread) || thread->busy || run->flags & DUNE_RUN_EVENT_WAITS ||
	    (user_running(thread) && !user_is_whole(thread, &thread->run->regs)))
		return false;
	if (rip == (uint64_t)host_unblock_done || rip == (uint64_t)host_sigreturn_done ||
	    thread->abandonable)
		return true;
	if (!within(rip, host_loop, host_loop_end))
		return false;
	if (within(rip, host_loop, host_run_done))
		return true;
	if (rip == (uint64_t)host_run_done && (int)context->regs.rax < 0)
		return (int)context->regs.rax == -EINTR;
	if (rip >= (uint64_t)host_call_done) {
		/* Linux has answered, or the answer is in place already. */
		if (rip == (uint64_t)host_call_done) {
			const uint64_t *of_call = mask_of_call(regs);

			if ((int)context->regs.rax == -EINTR && of_call)
				*mask = *of_call;
			regs->rax = context->regs.rax;
		}
		regs->rip = regs->rcx;
		return true;
	}
	if (run->exit_reason == DUNE_EXIT_INTR)
		return true;
	if (run->exit_reason == DUNE_EXIT_FAULT)
		return !(run->fault.flags & DUNE_FAULT_EVENT);
	if (run->exit_reason != DUNE_EXIT_SYSCALL || (uint32_t)regs->rax >= SYSCALLS_KNOWN)
		return false;
	/* Not called yet, or to be restarted: the guest does that after the handler. */
	if (rip == (uint64_t)host_call)
		regs->rax = context->regs.rax;
	regs->rip = regs->rcx - SYSCALL_SIZE;
	return true;
}

void signal_resume(struct dune_thread *thread, struct signal_context *context)
{
	thread->abandonable = false;
	thread->run->flags &= ~DUNE_RUN_EVENT; /* of an access that comes again */
	context->regs.rip = (uint64_t)host_loop;
	context->regs.rsp = (uint64_t)thread->host_sp;
	context->regs.rbx = (uint64_t)thread;
	context->regs.r12 = (uint64_t)thread->run;
	context->regs.rflags = RFLAGS_PLAIN;
}

/* As above, for a handler: vector registers are those of a new program. */
static void resume_in_handler(struct dune_thread *thread, struct signal_context *context,
			      uint64_t mask)
{
	signal_resume(thread, context);
	monitor_to_ring3(thread);
	context->regs.fpstate = 0;
	context->mask = mask;
}

/* In ring 3, with the guest's registers in Linux's hands. */
static void to_linux(struct dune_thread *thread, const struct dune_regs *guest,
		     struct signal_context *context, uint64_t mask)
{
	struct signal_regs *regs = &context->regs;

	host_sregs(thread);
	raw_syscall3(SYS_arch_prctl, ARCH_SET_FS, (long)thread->run->sregs.fs_base, 0);
	raw_syscall3(SYS_arch_prctl, ARCH_SET_GS, (long)thread->run->sregs.gs_base, 0);
	*regs = (struct signal_regs){
		.r8 = guest->r8, .r9 = guest->r9, .r10 = guest->r10, .r11 = guest->r11,
		.r12 = guest->r12, .r13 = guest->r13, .r14 = guest->r14, .r15 = guest->r15,
		.rdi = guest->rdi, .rsi = guest->rsi, .rbp = guest->rbp, .rbx = guest->rbx,
		.rdx = guest->rdx, .rax = guest->rax, .rcx = guest->rcx, .rsp = guest->rsp,
		.rip = guest->rip, .rflags = guest->rflags,
		.cs = regs->cs, .gs = regs->gs, .fs = regs->fs, .ss = regs->ss,
		.fpstate = regs->fpstate,
	};
	context->mask = mask;
}

/* Another thread ends the process: until then, with all signals blocked. */
static _Noreturn void park(void)
{
	for (;;)
		raw_syscall3(SYS_pause, 0, 0, 0);
}

/* The first process of a namespace has no default but for what it cannot handle. */
static bool is_certain(int signal)
{
	uint64_t pending = 0;

	raw_syscall3(SYS_rt_sigpending, (long)&pending, 8, 0);
	return pending >> (signal - 1) & 1 && raw_syscall3(SYS_getpid, 0, 0, 0) != 1;
}

/*
 * The process ends by this signal, outside of Dune mode, so that a core dump shows
 * the guest's registers, and those of the other threads. A program in ring 3 gets
 * there only if it does not execute an instruction there.
 */
static void die_as_guest(struct dune_thread *thread, const struct signal_info *info,
			 const struct dune_regs *guest, struct signal_context *context)
{
	bool first = gather_threads(info->signo);

	if (first) {
		signal_action_default(thread->signals, info->signo, true);
		queue(info->signo, info);
	}
	if (monitor_on() && !first)
		park();
	while (monitor_on() && !is_certain(info->signo))
		raw_syscall3(SYS_exit_group, 128 + info->signo, 0, 0);
	/* No other: its handler would run in ring 3. */
	to_linux(thread, guest, context, ~(1ull << (info->signo - 1)));
}

static void deliver(struct dune_thread *thread, struct signal_info *info,
		    struct signal_context *context, const struct dune_regs *regs, uint64_t mask)
{
	struct signal_action action = signal_action_get(thread->signals, info->signo);
	uint64_t bit = 1ull << (info->signo - 1);

	if (action.handler == (uint64_t)SIG_IGN)
		return;
	if (action.handler == (uint64_t)SIG_DFL) {
		die_as_guest(thread, info, regs, context);
		return;
	}
	thread->run->regs = *regs; /* also for the attempt below */
	if (!frame_push(thread, regs, &action, info, context)) {
		struct signal_info fatal = { .signo = SIGSEGV, .code = SI_KERNEL };

		if (info->signo == SIGSEGV) {
			die_as_guest(thread, &fatal, regs, context);
			return;
		}
		/* Its handler may have a stack of its own; blocked or ignored it may not be. */
		if (context->mask & 1ull << (SIGSEGV - 1) ||
		    signal_action_get(thread->signals, SIGSEGV).handler == (uint64_t)SIG_IGN)
			signal_action_default(thread->signals, SIGSEGV, false);
		queue(SIGSEGV, &fatal);
		resume_in_handler(thread, context, context->mask & ~(1ull << (SIGSEGV - 1)));
		return;
	}
	thread->signal_fault.signal = 0;
	if (action.flags & (uint64_t)SA_RESETHAND)
		signal_action_default(thread->signals, info->signo, false);
	if (!(action.flags & SA_NODEFER))
		mask |= bit;
	resume_in_handler(thread, context, mask | action.mask);
}

/* A thread in Linux mode: the handler is called as Linux would have called it. */
static void deliver_to_linux(struct signal_info *info, struct signal_context *context)
{
	struct signal_state *state = &dune_process.signals;
	struct signal_action action = signal_action_get(state, info->signo);
	uint64_t mask = context->mask | action.mask;

	if (action.handler == (uint64_t)SIG_IGN)
		return;
	if (action.handler == (uint64_t)SIG_DFL) {
		signal_action_default(state, info->signo, true);
		queue(info->signo, info);
		return;
	}
	if (action.flags & (uint64_t)SA_RESETHAND)
		signal_action_default(state, info->signo, false);
	if (!(action.flags & SA_NODEFER))
		mask |= 1ull << (info->signo - 1);
	raw_syscall6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, 8, 0, 0);
	((void (*)(int, void *, void *))action.handler)(info->signo, info, context);
}

void host_signal(int signal, struct signal_info *info, struct signal_context *context)
{
	struct dune_thread *thread = block_find(context->regs.rsp);
	struct dune_regs regs;
	uint64_t mask;

	if (!thread) {
		/* It was let go on in Linux mode, where it may not do what a guest may. */
		if (FAULTS >> (signal - 1) & 1 && !gather_is_under_way(signal) &&
		    gather_is_for_any())
			park();
		if (gather_is_under_way(signal))
			gather_one(); /* it is where it is */
		else
			deliver_to_linux(info, context);
		return;
	}
	/* All are blocked, but a call of a hook's that waits with another mask let this one in. */
	if (thread->deferred)
		context->mask = thread->deferred_mask;
	if (guest_regs(thread, context, &regs, &mask)) {
		thread->deferred = 0;
		if (gather_is_under_way(signal)) {
			if (monitor_on())
				park();
			/* A fault of its own is not to be what the process ends of. */
			to_linux(thread, &regs, context, ~FAULTS | 1ull << (signal - 1));
			gather_one();
			return;
		}
		if (user_running(thread))
			user_interrupt(thread, &regs);
		if (thread->abandonable)
			thread->signal_fault = (struct signal_fault){
				.signal = signal,
				.trapno = context->regs.trapno,
				.error_code = context->regs.error_code,
				.cr2 = context->regs.cr2,
			};
		deliver(thread, info, context, &regs, mask);
		return;
	}
	trap_look_again(thread);
	queue(signal, info);
	thread->deferred_mask = context->mask;
	thread->deferred = 1;
	context->mask = ~0ull;
}
