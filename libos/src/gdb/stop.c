// SPDX-License-Identifier: MIT
/* What stops threads, and stopping them all: each where its guest is whole. */
#include <linux/ptrace.h>
#include <poll.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gdb.h"

long ptrace(int request, ...); /* sys/ptrace.h and linux/ptrace.h do not go together */

#define PATIENCE_MS 3000

static bool stopping;

static bool is_thread(pid_t tid)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", session.pid, tid);
	return access(path, F_OK) == 0;
}

/* Settled, with an event. False: it was none. */
static bool is_event(struct task *task)
{
	bool trap = task->signal == SIGTRAP, stepped = task->stepping;

	if (stepped)
		view_unstep(task);
	task->stepping = false;
	if (task->into_handler) {
		task->into_handler = false;
		if (!task->event && task->view.regs.rip == task->step_from) {
			task_resume(task, true, 0); /* there was no handler */
			return false;
		}
		if (!task->event) {
			task->signal = SIGTRAP;
			task->info = (siginfo_t){ .si_signo = SIGTRAP, .si_code = TRAP_TRACE };
		}
		task->event = true;
		return true;
	}
	if (!task->event)
		return false;
	if (trap && task->info.si_code == SI_KERNEL && !follow_entry(task) &&
	    breakpoint_at(task->view.regs.rip - 1)) {
		task->view.regs.rip--;
		task->view_changed = task->at_breakpoint = true;
	}
	if (trap && stepped && task->info.si_code == TRAP_TRACE && !stopping &&
	    view_in_libdune(task)) {
		task_resume(task, true, 0);
		return false;
	}
	/* Before the way back of SYSCALL, for which gdb sees the place behind: it was one step. */
	if (trap && stepped && task->block)
		task->view_changed |= task->view.regs.rip != task->run.regs.rip;
	return true;
}

static bool ended(struct task *task, pid_t tid, int status)
{
	if (tid == session.pid) {
		session.ended = true;
		session.status = status;
	}
	if (task)
		task->state = TASK_FREE;
	if (session.current == task)
		session.current = NULL;
	if (session.chosen == task)
		session.chosen = NULL;
	return session.ended;
}

/* The process ends by the signal that gdb let through: for Linux in ring 3 (signal/deliver.c). */
static bool is_last(struct task *task, int signal)
{
	if (task->delivered != signal)
		return false;
	view_load(task);
	return !task->block;
}

/* Nobody is there to be told, or it is the loader's own. */
static bool is_unheard(const struct task *task)
{
	if (session.entering)
		return task->signal != SIGTRAP || task->info.si_code != SI_KERNEL;
	return session.client < 0 && session.running && !stopping;
}

bool stopped_by(pid_t tid, int status)
{
	struct task *task = task_find(tid);
	unsigned long message = 0;
	int event = status >> 16;

	if (!WIFSTOPPED(status))
		return ended(task, tid, status);
	if (!task)
		task = task_add(tid);
	if (!task)
		return false;
	task->state = TASK_STOPPED;
	task->listening = task->interrupted = false; /* any stop will do for an interrupt */
	if (!is_thread(tid))
		return false; /* a child, of whose fork its parent is about to tell */
	ptrace(PTRACE_GETEVENTMSG, tid, 0, &message);
	if (event == PTRACE_EVENT_CLONE) {
		if (!task_find((pid_t)message))
			task_add((pid_t)message);
	} else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK) {
		follow_child((pid_t)message, event == PTRACE_EVENT_VFORK);
	} else if (event == PTRACE_EVENT_VFORK_DONE) {
		breakpoints_suspend(false);
	} else if (event == PTRACE_EVENT_EXEC) {
		return follow_exec(task);
	} else if (event == PTRACE_EVENT_STOP) {
		task->listening = WSTOPSIG(status) != SIGTRAP;
	} else if (status >> 8 != SYSCALL_STOP) {
		if (task->expected == WSTOPSIG(status) || is_last(task, WSTOPSIG(status))) {
			task->delivered = task->block ? task->expected : 0;
			task->expected = 0;
			task_go_on(task, task->settling ? PTRACE_SYSCALL : PTRACE_CONT,
			      WSTOPSIG(status));
			return false;
		}
		ptrace(PTRACE_GETSIGINFO, tid, 0, &task->info);
		task->signal = WSTOPSIG(status);
		if (is_unheard(task)) {
			task_go_on(task, PTRACE_CONT, task->signal);
			task->signal = 0;
			return false;
		}
		task->at_signal = task->event = true;
	}
	if (!task->event && !stopping && !task->settling) {
		task_go_on(task, task->listening ? PTRACE_LISTEN :
			    task->stepping && !task->block ? PTRACE_SINGLESTEP : PTRACE_CONT, 0);
		return false;
	}
	if (!settle(task, status))
		return task->event;
	return is_event(task);
}

bool stop_poll(void)
{
	struct signalfd_siginfo drop;
	bool report = false;
	int status;
	pid_t tid;

	while (read(session.signals, &drop, sizeof(drop)) > 0)
		;
	while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0)
		report |= stopped_by(tid, status);
	return report;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool interrupt_the_rest(void)
{
	struct task *task = NULL;
	bool all = true;

	while ((task = task_next(task))) {
		if (task->state != TASK_RUNNING)
			continue;
		all = false;
		if (!task->interrupted && !task->settling)
			task->interrupted = !ptrace(PTRACE_INTERRUPT, task->tid, 0, 0);
	}
	return all;
}

void stop_all(void)
{
	long until = now_ms() + PATIENCE_MS;

	stopping = true;
	/* Whoever waits in the kernel for what nothing interrupts, a vfork's parent, is left so. */
	while (!session.ended && !interrupt_the_rest() && now_ms() < until) {
		struct pollfd poll_fd = { .fd = session.signals, .events = POLLIN };

		poll(&poll_fd, 1, 100);
		stop_poll();
	}
	stopping = false;
}

struct task *stop_waiting(void)
{
	struct task *task = NULL;

	while ((task = task_next(task)))
		if (task->state == TASK_STOPPED && task->event)
			return task;
	return NULL;
}
