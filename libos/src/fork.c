// SPDX-License-Identifier: MIT
/*
 * Fork: the child has another mm, so it needs a VM of its own. Its page tables
 * came with its memory and hold guest-physical addresses; the new VM is asked
 * for the same slots in the same order, so they mean the same.
 */
#include <linux/sched.h>
#include <pthread.h>

#include <dune/lifecycle.h>

#include "block.h"
#include "hidden.h"
#include "host_exit.h"
#include "signal/signal.h"
#include "thread.h"

/* Give the child its VM, and thread (may be NULL) its vCPU. */
static int child_rebuild(struct dune_thread *thread, bool close_inherited)
{
	struct dune_thread *other;
	int error;

	if (close_inherited) {
		for (other = dune_process.threads; other; other = other->next)
			hidden_close(other->vcpu_fd);
		hidden_close(dune_process.vm_fd);
	}
	/* The other threads were not forked: their blocks are memory nobody uses. */
	dune_process.threads = thread;
	if (thread) {
		thread->next = thread->prev = NULL;
		thread->senders = 0;
	}
	dune_process.nthreads = thread ? 1 : 0;
	paging_only_thread(thread);
	error = host_vm_create();
	if (!error)
		error = paging_slots_replay();
	if (!error && thread)
		error = host_vcpu_create(thread);
	return error;
}

/* What the guest is, while its thread has no run page. */
struct guest_state {
	struct dune_regs regs;
	struct dune_sregs sregs;
};

static void state_load(struct dune_thread *thread, const struct guest_state *state)
{
	struct dune_run *run = thread->run;

	run->exit_reason = DUNE_EXIT_INTR; /* it has no caller to fail to */
	raw_copy(&run->regs, &state->regs, sizeof(state->regs));
	raw_copy(&run->sregs, &state->sregs, sizeof(state->sregs));
	run->flags = DUNE_RUN_SREGS;
}

/*
 * An mm that ends while a VM watches it makes Linux wait for two grace periods,
 * some tens of milliseconds. Not if the VM goes first, which it can if no other
 * thread has a share in it.
 */
static bool vm_is_ours_alone(const struct dune_thread *thread)
{
	return !thread->parent_frees && dune_process.threads == thread && !thread->next;
}

static void vm_drop(struct dune_thread *thread)
{
	signal_defer(thread); /* until there is a run page again, or nothing */
	thread_unname(thread); /* a thread in Linux mode may be about to interrupt this one */
	host_vcpu_destroy(thread);
	hidden_close(dune_process.vm_fd);
}

_Noreturn void host_exit_group(struct dune_thread *thread, long status)
{
	if (vm_is_ours_alone(thread))
		vm_drop(thread);
	for (;;)
		raw_syscall3(SYS_exit_group, status, 0, 0);
}

long host_execveat(struct dune_thread *thread, int fd, const char *path, const char *const *argv,
		   const char *const *envp, int flags)
{
	struct guest_state state;
	long ret;

	if (!vm_is_ours_alone(thread))
		return raw_syscall6(SYS_execveat, fd, (long)path, (long)argv, (long)envp, flags, 0);
	host_sregs(thread);
	raw_copy(&state.regs, &thread->run->regs, sizeof(state.regs));
	raw_copy(&state.sregs, &thread->run->sregs, sizeof(state.sregs));
	vm_drop(thread);
	ret = raw_syscall6(SYS_execveat, fd, (long)path, (long)argv, (long)envp, flags, 0);
	if (child_rebuild(thread, false))
		HOST_DIE("dune: execve failed, and the process cannot get its VM again\n");
	thread_tid_set(thread);
	state_load(thread, &state);
	return ret;
}

long host_fork(struct dune_thread *thread, uint64_t flags)
{
	struct guest_state state;
	struct dune_run *run = thread->run;
	struct dune_regs *const regs = &state.regs;
	long ret;

	/* The child does not inherit the run page. */
	raw_copy(regs, &run->regs, sizeof(*regs));
	if ((uint32_t)regs->rax == SYS_fork)
		regs->rsi = 0; /* only clone has a stack to give */
	raw_copy(&state.sregs, &run->sregs, sizeof(state.sregs));
	/* Whoever else holds one of these is not forked: the child must find them free. */
	raw_lock(&dune_process.threads_lock);
	raw_lock(&thread->signals->lock);
	syscall_hooks_lock();
	trap_handlers_lock();
	paging_lock();
	ret = raw_syscall6(SYS_clone, (long)flags, 0, (long)regs->rdx, (long)regs->r10,
			   (long)regs->r8, 0);
	paging_unlock();
	trap_handlers_unlock();
	syscall_hooks_unlock();
	raw_unlock(&thread->signals->lock);
	raw_unlock(&dune_process.threads_lock);
	if (ret) {
		run->regs.rax = (uint64_t)ret;
		return 0;
	}

	block_keep_only(thread);
	thread->parent_frees = false; /* of a vfork child's child */
	if (child_rebuild(thread, !(flags & CLONE_FILES)))
		HOST_DIE("dune: a forked child cannot get a VM of its own\n");
	cpu_pid_set(thread, dune_process.pid);
	thread_tid_set(thread);
	regs->rax = 0;
	if (regs->rsi)
		regs->rsp = regs->rsi;
	if (flags & CLONE_SETTLS)
		state.sregs.fs_base = regs->r8;
	state_load(thread, &state);
	return 0;
}

/* The program forks in Linux mode. (A fork in ring 0 comes here too and has been dealt with.) */
static void after_linux_fork(void)
{
	if (dune_in_guest())
		return;
	/* Whoever held them was not forked. Entries are single words: tables are whole. */
	raw_unlock(&dune_process.threads_lock);
	raw_unlock(&dune_process.signals.lock);
	syscall_hooks_unlock();
	trap_handlers_unlock();
	paging_unlock();
	block_keep_only(thread_self);
	if (child_rebuild(thread_self, true))
		HOST_DIE("dune: a forked child cannot get a VM of its own\n");
	if (thread_self) {
		cpu_pid_set(thread_self, dune_process.pid);
		thread_tid_set(thread_self);
	}
}

int fork_watch(void)
{
	return -pthread_atfork(NULL, NULL, after_linux_fork);
}
