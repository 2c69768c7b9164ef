// SPDX-License-Identifier: MIT
/* Letting a thread go on, a call of its host side at a time, to where its guest is whole. */
#include <linux/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gdb.h"

long ptrace(int request, ...); /* sys/ptrace.h and linux/ptrace.h do not go together */

extern const char host_loop[], host_run_done[];

static bool is_whole_call(const struct task *task, bool entry)
{
	return entry && task->block && task->host.rip == view_here(host_run_done) &&
	       task->host.orig_rax == SYS_lseek;
}

/* It is about to enter the guest: back to before the call. */
static bool call_cancel(struct task *task)
{
	int status;

	task->host.orig_rax = ~0ull;
	if (ptrace(PTRACE_SETREGS, task->tid, 0, &task->host) ||
	    ptrace(PTRACE_SYSCALL, task->tid, 0, 0) ||
	    waitpid(task->tid, &status, __WALL) != task->tid)
		return false;
	if (!WIFSTOPPED(status)) {
		stopped_by(task->tid, status);
		return false;
	}
	task->host.rip = view_here(host_loop);
	return ptrace(PTRACE_SETREGS, task->tid, 0, &task->host) == 0;
}

/* Whether host_signal() has something to do for it: it will put the signal off. */
static bool has_handler(const struct task *task)
{
	struct signal_action action;
	uint64_t at = (uint64_t)task->thread.signals +
		      __builtin_offsetof(struct signal_state, actions) +
		      (unsigned int)(task->signal - 1) * sizeof(action);

	return memory_read(at, &action, sizeof(action)) == sizeof(action) && action.handler > 1;
}

bool settle(struct task *task, int status)
{
	enum whole whole = view_load(task);
	int signal = 0;
	bool entry = false;

	if (status >> 8 == SYSCALL_STOP) {
		struct ptrace_syscall_info info;

		entry = ptrace(PTRACE_GET_SYSCALL_INFO, task->tid, sizeof(info), &info) > 0 &&
			info.op == PTRACE_SYSCALL_INFO_ENTRY;
		if (is_whole_call(task, entry) &&
		    !view_on_trap_stack(task) && call_cancel(task)) {
			view_load(task);
			whole = WHOLE;
			entry = false;
		}
	}
	if (task->state == TASK_FREE)
		return false;
	if (whole == WHOLE && !entry) {
		task->settling = false;
		return true;
	}
	if (whole == ON_TRAP_STACK && !entry)
		view_leave_trap_stack(task);
	if (task->at_signal && has_handler(task)) {
		signal = task->signal; /* it comes again */
		task->signal = 0;
		task->event = false;
	}
	task->settling = true;
	task_go_on(task, PTRACE_SYSCALL, signal);
	return false;
}
