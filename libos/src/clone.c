// SPDX-License-Identifier: MIT
/* Threads and vfork children: another host side, another vCPU, the same VM. */
#include <linux/sched.h>
#include <signal.h>

#include "block.h"
#include "exec.h"
#include "monitor.h"
#include "signal/signal.h"
#include "thread.h"


/* First steps of the child, in ring 3 on its host stack. */
void host_thread_begin(struct dune_thread *thread)
{
	/* A vfork child is another process on the same memory. */
	cpu_pid_set(thread, raw_syscall3(SYS_getpid, 0, 0, 0));
	thread_tid_set(thread);
	if (thread->own_tls)
		thread_self = thread;
}

static long clone_vm(struct dune_thread *thread, uint64_t flags, uint64_t stack)
{
	const struct dune_run *run = thread->run;
	struct dune_thread *child;
	long ret;
	int error;

	child = thread_create(&error);
	if (!child)
		return error;
	paging_thread_goes(child);
	paging_thread_comes(child, thread->root);
	error = paging_premap(child, child);
	if (error) {
		thread_destroy(child);
		return error;
	}
	/* Of a program that another one loaded, the TLS is another libc's. */
	child->own_tls = thread->own_tls && flags & CLONE_SETTLS;
	child->parent_frees = flags & CLONE_VFORK;
	child->signals = thread->signals;
	if (!(flags & CLONE_SIGHAND)) {
		child->own_signals = *thread->signals;
		child->own_signals.lock.held = 0;
		child->signals = &child->own_signals;
	}
	/* Whoever goes on with the same stack goes on with its alternate one. */
	if (flags & CLONE_VFORK)
		child->altstack = thread->altstack;
	child->deferred = thread->deferred;
	child->deferred_mask = thread->deferred_mask;
	thread_sregs(child, flags & CLONE_SETTLS ? run->regs.r8 : run->sregs.fs_base,
		     run->sregs.gs_base);
	child->entered = true;
	child->run->exit_reason = DUNE_EXIT_INTR; /* it has no caller to fail to */
	child->run->regs = run->regs;
	child->run->regs.rax = 0;
	if (stack) {
		child->run->regs.rsp = stack;
		child->run->regs.rflags |= RFLAGS_IF; /* its creator may be a trap's handler */
	}

	ret = clone_thread(flags, child->host_sp, run->regs.rdx, run->regs.r10,
			   run->regs.r8, child);
	/* A thread that lives on frees its block itself, perhaps already. */
	if (ret < 0 || flags & CLONE_VFORK) {
		exec_release(child);
		thread_destroy(child);
	}
	return ret;
}

long host_clone(struct dune_thread *thread)
{
	struct dune_run *run = thread->run;
	uint64_t flags = run->regs.rdi, stack = run->regs.rsi;

	host_sregs(thread);
	/* The child begins with the parent's mask: no signal may come in between and change it. */
	signal_defer(thread);
	if ((uint32_t)run->regs.rax == SYS_fork)
		return host_fork(thread, SIGCHLD);
	if ((uint32_t)run->regs.rax == SYS_vfork) {
		flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
		stack = 0;
	}
	if (!(flags & CLONE_VM))
		return host_fork(thread, flags);
	run->regs.rax = (uint64_t)clone_vm(thread, flags, stack);
	return 0;
}

void host_thread_exit(struct dune_thread *thread)
{
	long status = (long)thread->run->regs.rdi;
	uint64_t all = ~0ull;

	if (thread->parent_frees)
		for (;;)
			raw_syscall3(SYS_exit, status, 0, 0);
	/* A signal must not find this stack gone. */
	raw_syscall6(SYS_rt_sigprocmask, SIG_BLOCK, (long)&all, 0, 8, 0, 0);
	/* One was sent again to this thread, and may be the process's. */
	if (thread->deferred) {
		thread->run->regs.rip = thread->run->regs.rcx - SYSCALL_SIZE;
		monitor_to_ring3(thread);
		return;
	}
	thread_end(thread);
	block_free_and_exit(thread, status);
}
