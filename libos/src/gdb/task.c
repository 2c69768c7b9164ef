// SPDX-License-Identifier: MIT
/* The threads that are traced: the list of them, and letting one go on. */
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gdb.h"

struct task *task_next(struct task *after)
{
	struct task *task = after ? after + 1 : session.tasks;

	for (; task < session.tasks + session.tasks_n; task++)
		if (task->state != TASK_FREE)
			return task;
	return NULL;
}

struct task *task_find(pid_t tid)
{
	struct task *task = NULL;

	while ((task = task_next(task)))
		if (task->tid == tid)
			return task;
	return NULL;
}

struct task *task_add(pid_t tid)
{
	struct task *task = session.tasks;

	while (task < session.tasks + session.tasks_n && task->state != TASK_FREE)
		task++;
	if (task == session.tasks + TASKS_MAX)
		return NULL;
	if (task == session.tasks + session.tasks_n)
		session.tasks_n++;
	*task = (struct task){ .tid = tid, .state = TASK_RUNNING };
	return task;
}

/* Whatever stops it on its way: a signal is kept, and reported later. */
static bool next_syscall_stop(struct task *task)
{
	int status;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, task->tid, 0, 0) ||
		    waitpid(task->tid, &status, __WALL) != task->tid)
			return false;
		if (!WIFSTOPPED(status)) {
			stopped_by(task->tid, status);
			return false;
		}
		if (status >> 8 == (SIGTRAP | 0x80))
			return true;
		if (status >> 16)
			continue;
		if (task->signal) {
			syscall(SYS_tgkill, session.pid, task->tid, WSTOPSIG(status));
			continue;
		}
		task->signal = WSTOPSIG(status);
		task->event = true;
		ptrace(PTRACE_GETSIGINFO, task->tid, 0, &task->info);
	}
}

static long call4(struct task *task, long nr, const long *args)
{
	extern const char host_call[];
	struct user_regs_struct regs = task->host;

	regs.rax = (unsigned long)nr;
	regs.rdi = (unsigned long)args[0];
	regs.rsi = (unsigned long)args[1];
	regs.rdx = (unsigned long)args[2];
	regs.r10 = (unsigned long)args[3];
	regs.rip = view_here(host_call);
	regs.orig_rax = ~0ull;
	task->at_signal = false;
	if (ptrace(PTRACE_SETREGS, task->tid, 0, &regs) || !next_syscall_stop(task) ||
	    !next_syscall_stop(task) || ptrace(PTRACE_GETREGS, task->tid, 0, &regs))
		return -ESRCH;
	ptrace(PTRACE_SETREGS, task->tid, 0, &task->host);
	return (long)regs.rax;
}

long task_syscall(struct task *task, long nr, long a, long b, long c)
{
	return call4(task, nr, (const long[]){ a, b, c, 0 });
}

/* With what belongs to it, if it is the one that stopped the thread. */
static void signal_send(struct task *task, int signal)
{
	/* The far end of the host side's stack. */
	uint64_t room = task->block + HOST_STACK_OFFSET;

	task->expected = signal;
	if (task->block && signal == task->signal && task->info.si_signo == signal &&
	    memory_write(room, &task->info, sizeof(task->info)) &&
	    !call4(task, SYS_rt_tgsigqueueinfo,
		   (const long[]){ session.pid, task->tid, signal, (long)room }))
		return;
	syscall(SYS_tgkill, session.pid, task->tid, signal);
}

void task_go_on(struct task *task, int request, int signal)
{
	task->state = TASK_RUNNING;
	task->at_signal = false;
	ptrace((enum __ptrace_request)request, task->tid, 0, (long)signal);
}

void task_resume(struct task *task, bool step, int signal)
{
	bool tf = step && task->block && !signal;
	long how = PTRACE_CONT;

	task->step_from = task->view.regs.rip;
	view_store(task, tf);
	if (signal && !task->at_signal) {
		signal_send(task, signal);
		if (task->state == TASK_FREE)
			return;
		signal = 0;
		tf = false;
	}
	task->stepping = step;
	task->into_handler = step && task->block && !tf;
	task->settling = task->into_handler;
	if (task->into_handler)
		how = PTRACE_SYSCALL;
	else if (step && !task->block)
		how = PTRACE_SINGLESTEP;
	else if (task->listening && !signal)
		how = PTRACE_LISTEN;
	task->delivered = task->block ? signal : 0;
	task->signal = 0;
	task->event = task->at_signal = task->at_breakpoint = false;
	task->state = TASK_RUNNING;
	ptrace((enum __ptrace_request)how, task->tid, 0, (long)signal);
}
