// SPDX-License-Identifier: MIT
/* Signals while in Dune mode: handlers run in ring 0, in time, and the guest goes on. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/dune_mode.h"

static volatile sig_atomic_t seen, ring = -1;

static void on_signal(int signal)
{
	unsigned int cs;

	(void)signal;
	asm volatile("mov %%cs, %0" : "=r"(cs));
	ring = cs & 3;
	seen++;
}

static void handle(int signal, int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };

	seen = 0;
	sigaction(signal, &action, NULL);
}

static bool spinning_guest_gets_signals(void)
{
	struct itimerval often = { { 0, 2000 }, { 0, 2000 } }, never = { { 0 } };

	handle(SIGALRM, 0);
	setitimer(ITIMER_REAL, &often, NULL);
	while (seen < 20)
		;
	setitimer(ITIMER_REAL, &never, NULL);
	return ring == 0 && dune_in_guest();
}

static bool eintr_and_restart(int flags, bool restarts)
{
	/* Again and again: the first may come before read() waits, on a slow host. */
	struct itimerval often = { { 0, 20000 }, { 0, 20000 } }, never = { 0 };
	char byte;
	int pipes[2];
	pid_t pid;
	ssize_t n;

	if (pipe(pipes))
		return false;
	pid = fork();
	if (pid == 0) {
		usleep(restarts ? 200000 : 5000000);
		_exit(write(pipes[1], "x", 1) == 1 ? 0 : 1);
	}
	handle(SIGALRM, flags);
	setitimer(ITIMER_REAL, &often, NULL);
	errno = 0;
	n = read(pipes[0], &byte, 1);
	setitimer(ITIMER_REAL, &never, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(pipes[0]);
	close(pipes[1]);
	return seen >= 1 && (restarts ? n == 1 : n == -1 && errno == EINTR);
}

static int killed_by(int signal, bool spin)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		for (;;)
			if (!spin)
				pause();
	usleep(50000);
	kill(pid, signal);
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

static bool stop_and_continue(void)
{
	int status = 0;
	pid_t pid = fork();
	bool ok;

	if (pid == 0)
		for (;;)
			;
	usleep(20000);
	kill(pid, SIGSTOP);
	ok = waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status);
	kill(pid, SIGCONT);
	ok &= waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status);
	kill(pid, SIGTERM);
	ok &= waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGTERM;
	return ok;
}

static void *spin(void *arg)
{
	for (;;)
		if (arg)
			pause();
	return NULL;
}

/* exit_group must end threads that never leave the guest by themselves. */
static bool exit_with_spinning_threads(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t thread;
		int i;

		for (i = 0; i < 4; i++)
			pthread_create(&thread, NULL, spin, i & 1 ? &thread : NULL);
		usleep(20000);
		exit(5);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 5;
}

static bool alternate_stack(void)
{
	static char stack[65536];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };

	if (sigaltstack(&alternate, NULL))
		return false;
	handle(SIGUSR1, SA_ONSTACK);
	raise(SIGUSR1);
	alternate.ss_flags = SS_DISABLE;
	return seen == 1 && ring == 0 && !sigaltstack(&alternate, NULL);
}

int main(void)
{
	ktap_plan(9);
	must_init_and_enter();
	ktap_check(spinning_guest_gets_signals(), "a guest that spins gets its timer signals");
	ktap_check(eintr_and_restart(0, false), "EINTR");
	ktap_check(eintr_and_restart(SA_RESTART, true), "SA_RESTART");
	ktap_check(alternate_stack(), "handler on an alternate stack");
	ktap_check(killed_by(SIGKILL, true) == SIGKILL, "SIGKILL ends a spinning guest");
	ktap_check(killed_by(SIGTERM, true) == SIGTERM, "SIGTERM ends a spinning guest");
	ktap_check(killed_by(SIGINT, false) == SIGINT, "SIGINT ends a waiting guest");
	ktap_check(stop_and_continue(), "stop and continue");
	ktap_check(exit_with_spinning_threads(), "exit ends spinning threads");
	return ktap_exit_status();
}
