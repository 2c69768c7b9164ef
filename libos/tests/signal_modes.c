// SPDX-License-Identifier: MIT
/* Signals between the modes: entering and leaving under fire, threads in Linux mode, forks. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/dune_mode.h"

static volatile int stop, came;
static pthread_t target;

static void count(int signal)
{
	(void)signal;
	came = came + 1;
}

/* Now and then: who gets the next one before a handler is through does nothing else. */
static void *fire(void *arg)
{
	volatile unsigned int wait;
	unsigned int n;

	(void)arg;
	for (n = 0; !stop; n++) {
		pthread_kill(target, SIGUSR1);
		for (wait = n * 1237 % 20011; wait; wait--)
			;
	}
	return NULL;
}

/* Whatever the signal interrupts, nothing stays blocked, in or out of Dune mode. */
static bool leave_under_fire(void)
{
	pthread_t thread;
	sigset_t set;
	bool ok = true;
	int i;

	target = pthread_self();
	stop = came = 0;
	signal(SIGUSR1, count);
	pthread_create(&thread, NULL, fire, NULL);
	for (i = 0; ok && (i < 300 || came < 20); i++) {
		ok = !dune_leave() && !sigprocmask(SIG_BLOCK, NULL, &set) &&
		     !sigismember(&set, SIGTERM) && !sigismember(&set, SIGUSR1) && !dune_enter();
	}
	stop = 1;
	pthread_join(thread, NULL);
	return ok;
}

static sigjmp_buf jump;
static char stack_memory[1 << 15];

static void leap(int signal)
{
	(void)signal;
	siglongjmp(jump, 1);
}

static __attribute__((noinline)) int overflow(int depth)
{
	volatile char room[4096];

	room[0] = (char)depth;
	return depth < 0 ? 0 : overflow(depth + 1) + room[0];
}

/* A handler on an alternate stack, of a thread that left Dune mode. */
static void *overflow_in_linux_mode(void *arg)
{
	stack_t stack = { .ss_sp = stack_memory, .ss_size = sizeof(stack_memory) };

	if (dune_leave() || sigaltstack(&stack, NULL))
		return NULL;
	if (!sigsetjmp(jump, 1))
		overflow(0);
	stack.ss_flags = SS_DISABLE;
	return sigaltstack(&stack, NULL) ? NULL : arg;
}

static bool alternate_stack_in_linux_mode(void)
{
	struct sigaction action = { .sa_handler = leap, .sa_flags = SA_ONSTACK };
	pthread_attr_t attr;
	pthread_t thread;
	void *result = NULL;

	sigaction(SIGSEGV, &action, NULL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 1 << 17);
	pthread_create(&thread, &attr, overflow_in_linux_mode, &jump);
	pthread_join(thread, &result);
	signal(SIGSEGV, SIG_DFL);
	return result == &jump;
}

static void *change_handlers(void *arg)
{
	while (!stop)
		signal(SIGUSR2, SIG_IGN);
	return arg;
}

/* The child of a fork finds no lock held by a thread that it does not have. */
static bool fork_beside_sigaction(void)
{
	int i, status, good = 0;
	pthread_t thread;

	stop = 0;
	pthread_create(&thread, NULL, change_handlers, NULL);
	for (i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			alarm(20);
			signal(SIGUSR2, SIG_DFL);
			_exit(0);
		}
		good += waitpid(pid, &status, 0) == pid && status == 0;
	}
	stop = 1;
	pthread_join(thread, NULL);
	return good == 20;
}

static void *nothing(void *arg)
{
	return arg;
}

/* Locked memory is not emptied when a thread gives it back. */
static bool threads_in_locked_memory(void)
{
	pthread_t thread;
	char *pages[16];
	bool ok = !mlockall(MCL_CURRENT | MCL_ONFAULT);
	int i;

	pthread_create(&thread, NULL, nothing, NULL);
	pthread_join(thread, NULL);
	for (i = 0; i < 16; i++) {
		pages[i] = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		*pages[i] = 'x';
	}
	pthread_create(&thread, NULL, nothing, NULL);
	pthread_join(thread, NULL);
	for (i = 0; i < 16; i++)
		ok &= *pages[i] == 'x' && !munmap(pages[i], 4096);
	return ok && !munlockall();
}

int main(void)
{
	ktap_plan(4);
	must_init_and_enter();
	ktap_check(leave_under_fire(), "enter and leave under fire");
	ktap_check(alternate_stack_in_linux_mode(), "an alternate stack in Linux mode");
	ktap_check(fork_beside_sigaction(), "fork beside a thread that changes handlers");
	ktap_check(threads_in_locked_memory(), "threads in locked memory");
	return ktap_exit_status();
}
