// SPDX-License-Identifier: MIT
/* How a process with tasks ends, or does not: full stacks, exceptions, exit, signals, fork. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/dune_mode.h"
#include "lib/rt_up.h"

static char said[2000];

/* What main does in a process of its own, that says something on standard error. */
static int status_of(void (*main)(void))
{
	int ends[2], status = -1;
	ssize_t n, all = 0;
	pid_t child;

	if (pipe(ends))
		ktap_bail("pipe");
	child = fork();
	if (!child) {
		dup2(ends[1], 2);
		if (dune_init(NULL))
			_exit(99);
		main();
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], said + all, sizeof(said) - 1 - (size_t)all)) > 0)
		all += n;
	said[all] = '\0';
	close(ends[0]);
	waitpid(child, &status, 0);
	return status;
}

static bool killed(int status, int signal, const char *words, const char *more)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == signal && strstr(said, words) &&
	       strstr(said, more);
}

static void run_named(void *(*run)(void *), const char *name)
{
	struct dune_rt_attr attr = rt_attr();

	rt_up("priority", 1);
	attr.name = name;
	rt_spawn(run, NULL, &attr);
	dune_rt_wait();
}

static int deeper(volatile char *above)
{
	volatile char here[512];

	here[0] = *above;
	return here[0] ? deeper(here) + here[0] : 0;
}

static void *fills_its_stack(void *arg)
{
	char first = 1;

	return deeper(&first) ? arg : NULL;
}

static void overflow(void)
{
	run_named(fills_its_stack, "deep");
}

static void *divides(void *arg)
{
	asm volatile("xor %%ecx, %%ecx\n\tdiv %%ecx" ::: "rax", "rcx", "rdx");
	return arg;
}

static void divide_error(void)
{
	run_named(divides, "a name that is far too long");
}

static void *goes_nowhere(void *arg)
{
	return (void *)*(volatile uintptr_t *)((uintptr_t)arg + 8);
}

static void null(void)
{
	run_named(goes_nowhere, "lost");
}

static void *exits(void *arg)
{
	_exit(7);
	return arg;
}

static void exit_in_task(void)
{
	run_named(exits, NULL);
}

static void *spins(void *arg)
{
	for (;;)
		asm volatile("" ::: "memory");
	return arg;
}

static void terminated(void)
{
	rt_up("cfcfs", 1);
	rt_spawn(spins, NULL, NULL);
	kill(getpid(), SIGTERM);
	dune_rt_wait();
}

static void *forks(void *arg)
{
	int status = -1;
	pid_t child = fork();

	if (!child)
		_exit(dune_in_guest() && !dune_rt_self() && dune_rt_yield() == -EPERM &&
					      dune_rt_spawn(NULL, spins, NULL, NULL) == -ESRCH ?
				    5 : 6);
	waitpid(child, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 5 ? arg : NULL;
}

static void *counts(void *arg)
{
	++*(volatile int *)arg;
	return arg;
}

static void fork_and_start_again(void)
{
	int count = 0, status = -1;
	void *result = NULL;
	pid_t child;

	rt_up("cfcfs", 1);
	dune_rt_join(rt_spawn(forks, &count, NULL), &result);
	child = fork();
	if (!child) {
		rt_up("steal", 2);
		rt_spawn(counts, &count, NULL);
		rt_down();
		_exit(count == 1 ? 3 : 4);
	}
	waitpid(child, &status, 0);
	rt_spawn(counts, &count, NULL);
	rt_down();
	_exit(result && WIFEXITED(status) && WEXITSTATUS(status) == 3 && count == 1 ? 0 : 1);
}

static volatile int caught;

static void on_divide(struct dune_trap_frame *frame, void *arg)
{
	(void)arg;
	caught++;
	frame->rip += 2;
}

static void handler_in_task(void)
{
	dune_trap_set(DUNE_TRAP_DE, on_divide, NULL);
	run_named(divides, NULL);
	_exit(caught == 1 ? 0 : 1);
}

#define PATIENCE 300 /* ms */

static volatile int late, go, stopped;
static char *no_page;

/* A thread is late: until the runtime is stopped, or that takes too long. */
static void be_late(void)
{
	int i;

	late = 1;
	for (i = 0; i < PATIENCE && !stopped; i++)
		usleep(1000);
}

static void on_signal(int number)
{
	(void)number;
	be_late();
}

static void on_fault(int number)
{
	(void)number;
	if (late)
		_exit(2); /* at some other address */
	be_late();
	mprotect(no_page, 4096, PROT_READ);
}

static void *waits_to_go(void *arg)
{
	while (!go)
		dune_rt_yield();
	return arg;
}

static void until(volatile int *word)
{
	while (!*word)
		usleep(1000);
}

static void *joins(void *task)
{
	void *result = NULL;

	return dune_rt_join((dune_rt_task)(uintptr_t)task, &result) ? NULL : result;
}

/* Its last look at the task comes after everybody else has had theirs. */
static void stop_beside_join(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	void *result = NULL;
	pthread_t thread;
	dune_rt_task task;
	bool fine;

	sigaction(SIGUSR1, &action, NULL);
	rt_up("cfcfs", 1);
	task = rt_spawn(waits_to_go, &no_page, NULL);
	pthread_create(&thread, NULL, joins, (void *)(uintptr_t)task);
	usleep(50000);
	pthread_kill(thread, SIGUSR1);
	until(&late);
	go = 1;
	fine = !dune_rt_wait() && !dune_rt_stop();
	stopped = 1;
	pthread_join(thread, &result);
	_exit(fine && result == &no_page ? 0 : 1);
}

static void *spawns(void *arg)
{
	struct dune_rt_attr attr = rt_attr();

	attr.name = no_page;
	return dune_rt_spawn(NULL, waits_to_go, NULL, &attr) ? NULL : arg;
}

/* It has begun to make a task, and is not done. */
static void stop_beside_spawn(void)
{
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	void *result = NULL;
	pthread_t thread;
	bool fine;

	sigaction(SIGSEGV, &action, NULL);
	no_page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	rt_up("cfcfs", 1);
	go = 1;
	pthread_create(&thread, NULL, spawns, &no_page);
	until(&late);
	fine = dune_rt_stop() == -EBUSY;
	stopped = 1;
	pthread_join(thread, &result);
	rt_down();
	_exit(fine && result == &no_page ? 0 : 1);
}

int main(void)
{
	int status;

	ktap_plan(9);
	ktap_check(killed(status_of(overflow), SIGSEGV, "dune: task deep, number 0x100000001, on "
			  "core 0: its stack is full\n", ""),
		   "a full stack ends the process, and the task is named");
	ktap_check(killed(status_of(divide_error), SIGFPE, "dune: unhandled divide error",
			  "dune: task a name that is , number"),
		   "so does an exception");
	ktap_check(killed(status_of(null), SIGSEGV, "dune: task lost, number", "on core 0\n"),
		   "so does an address that is none");
	status = status_of(exit_in_task);
	ktap_check(WIFEXITED(status) && WEXITSTATUS(status) == 7, "a task calls exit");
	ktap_check(killed(status_of(terminated), SIGTERM, "", ""), "a signal ends the process");
	ktap_check(status_of(fork_and_start_again) == 0, "a child has no runtime, and starts one");
	ktap_check(status_of(handler_in_task) == 0, "a handler runs in a task");
	ktap_check(status_of(stop_beside_join) == 0, "a stop waits for who joins outside");
	ktap_check(status_of(stop_beside_spawn) == 0, "and not for who spawns: there are tasks");
	return ktap_exit_status();
}
