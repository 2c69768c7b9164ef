// SPDX-License-Identifier: MIT
/* What a program does all day, by the same code as an ordinary process and in Dune mode. */
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "micro/area.h"
#include "micro/groups.h"
#include "micro/measure.h"

static void on_sigill(int signal, siginfo_t *info, void *context)
{
	ucontext_t *state = context;

	(void)signal;
	(void)info;
	state->uc_mcontext.gregs[REG_RIP] += 2; /* behind the UD2 */
}

static void start(char *const *argv)
{
	int status = -1;
	pid_t pid;

	if (posix_spawn(&pid, argv[0], NULL, NULL, argv, NULL) ||
	    waitpid(pid, &status, 0) != pid || status)
		give_up(argv[0]);
}

void group_calls(const struct plan *plan, const char *who)
{
	struct sigaction action = { .sa_sigaction = on_sigill, .sa_flags = SA_SIGINFO };
	struct timespec now;

	if (sigaction(SIGILL, &action, NULL))
		give_up("sigaction");
	MEASURE("syscall", plan->iterations, syscall(SYS_getppid));
	MEASURE("getpid", plan->iterations, syscall(SYS_getpid));
	MEASURE("clock", plan->iterations, clock_gettime(CLOCK_MONOTONIC, &now));
	MEASURE("signal", plan->iterations, asm volatile("ud2"));
}

/* Programs are dear: few of them. The shell's own `true' would not be a program. */
void group_start(const struct plan *plan, const char *who, bool dune)
{
	char *native[] = { "/bin/busybox", "true", NULL };
	char *inside[] = { "/lab/bin/dune", "run", "/bin/busybox", "true", NULL };
	unsigned int few = plan->iterations / 50 ? plan->iterations / 50 : 1;

	MEASURE("start", few, start(dune ? inside : native));
}
