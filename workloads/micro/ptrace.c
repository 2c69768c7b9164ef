// SPDX-License-Identifier: MIT
/* getpid of a process whose calls another one follows by ptrace: a stop before and one behind. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "micro/area.h"
#include "micro/groups.h"

static _Noreturn void traced(struct series *s)
{
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) || raise(SIGSTOP))
		_exit(1);
	SERIES_RUN(s->empty, s->batches, s->iterations, NOTHING);
	SERIES_RUN(s->ticks, s->batches, s->iterations, syscall(SYS_getpid));
	_exit(0);
}

static void follow(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status))
		if (ptrace(PTRACE_SYSCALL, pid, 0, 0))
			give_up("PTRACE_SYSCALL");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		give_up("the traced process");
}

void group_ptrace(const struct plan *plan)
{
	struct series *s;
	pid_t pid;

	if (!series_wanted(plan, "linux.ptrace"))
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
	follow(pid);
	series_print("linux.ptrace", s);
	munmap(s, sizeof(*s));
}
