// SPDX-License-Identifier: MIT
/* getpid of a process whose calls another one follows by ptrace, or answers in Linux's place. */
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "micro/area.h"
#include "micro/groups.h"

/* A call could be none when they are answered: it ends by an exception. */
static _Noreturn void traced(struct series *s)
{
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) || raise(SIGSTOP))
		_exit(1);
	SERIES_RUN(s->empty, s->batches, s->iterations, NOTHING);
	SERIES_RUN(s->ticks, s->batches, s->iterations, syscall(SYS_getpid));
	for (;;)
		__builtin_trap();
}

/* A stop before the call and one behind it; this only looks whether it is one. */
static void pass(pid_t pid)
{
	if (ptrace(PTRACE_SYSCALL, pid, 0, 0))
		give_up("PTRACE_SYSCALL");
}

/* One stop, and the call is not made. */
static void answer(pid_t pid)
{
	if (ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax), 1) ||
	    ptrace(PTRACE_SYSEMU, pid, 0, 0))
		give_up("PTRACE_SYSEMU");
}

static void follow(pid_t pid, void (*go_on)(pid_t pid))
{
	int status;

	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) &&
	       WSTOPSIG(status) != SIGILL)
		go_on(pid);
	if (!WIFSTOPPED(status))
		give_up("the traced process");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

static void series(const struct plan *plan, const char *name, void (*go_on)(pid_t pid))
{
	struct series *s;
	pid_t pid;

	if (!series_wanted(plan, name))
		return;
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		give_up("mmap");
	*s = (struct series){ plan->batches, plan->iterations, { 0 }, { 0 } };
	pid = fork();
	if (pid < 0)
		give_up("fork");
	if (!pid)
		traced(s);
	follow(pid, go_on);
	series_print(name, s);
	munmap(s, sizeof(*s));
}

void group_ptrace(const struct plan *plan)
{
	series(plan, "linux.ptrace", pass);
	if (plan->all)
		series(plan, "linux.ptrace_answer", answer);
}
