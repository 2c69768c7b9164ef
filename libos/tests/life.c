// SPDX-License-Identifier: MIT
/* Beginnings and ends of processes in Dune mode: exec, exit, kill, stop, and what stays behind. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/dune_mode.h"

#define SPINNERS 3

/* Shared with children: each spinner counts in a word of its own. */
static volatile unsigned long *counts;

static int wait_status(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static void *spin(void *arg)
{
	volatile unsigned long *count = arg;

	for (;;)
		(*count)++;
	return NULL;
}

static bool counts_move(unsigned int n)
{
	unsigned long before[SPINNERS];
	unsigned int i, turns;

	for (i = 0; i < n; i++)
		before[i] = counts[i];
	for (turns = 0; turns < 100000; turns++) {
		bool all = true;

		for (i = 0; i < n; i++)
			all &= counts[i] != before[i];
		if (all)
			return true;
		sched_yield();
	}
	return false;
}

static void spinners_start(void)
{
	pthread_t thread;
	int i;

	for (i = 0; i < SPINNERS; i++)
		pthread_create(&thread, NULL, spin, (void *)&counts[i]);
	counts_move(SPINNERS);
}

static void milliseconds(long n)
{
	struct timespec time = { .tv_nsec = n * 1000000 };

	nanosleep(&time, NULL);
}

/* What is alive in the module; -1 if its statistics are not there. */
static int live(const char *what)
{
	char line[128], name[64];
	FILE *stats = fopen("/sys/kernel/debug/dune/stats", "r");
	int n = -1, value;

	while (stats && fgets(line, sizeof(line), stats))
		if (sscanf(line, "%63s %d", name, &value) == 2 && !strcmp(name, what))
			n = value;
	if (stats)
		fclose(stats);
	return n;
}

/* Objects go when the last reference does: shortly after the process is reaped. */
static bool live_returns_to(const char *what, int n)
{
	int turns;

	for (turns = 0; turns < 200 && live(what) != n; turns++)
		milliseconds(5);
	return live(what) == n;
}

static bool exec_replaces(void)
{
	int vms = live("live_vms");
	pid_t pid = fork();

	if (pid == 0) {
		execl("/proc/self/exe", "life", "after-exec", (char *)NULL);
		_exit(1);
	}
	return wait_status(pid) == 42 && live_returns_to("live_vms", vms);
}

static void *exec_here(void *unused)
{
	(void)unused;
	execl("/proc/self/exe", "life", "after-exec", (char *)NULL);
	_exit(1);
}

/* Not the main thread: the others, in ring 0, are killed under way. */
static bool exec_from_a_thread(void)
{
	int vcpus = live("live_vcpus");
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t thread;

		spinners_start();
		pthread_create(&thread, NULL, exec_here, NULL);
		for (;;)
			pause();
	}
	return wait_status(pid) == 42 && live_returns_to("live_vcpus", vcpus);
}

static bool vfork_and_exec(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execl("/proc/self/exe", "life", "after-exec", (char *)NULL);
		_exit(1);
	}
	return wait_status(pid) == 42 && dune_in_guest();
}

static bool vfork_exec_fails(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execl("/does/not/exist", "none", (char *)NULL);
		_exit(errno == ENOENT ? 43 : 1);
	}
	return wait_status(pid) == 43;
}

/* Tables that are there after a child with spinning threads and were not before; -1: wrong. */
static int child_leaves_tables(int expected, void (*end)(void), int signal)
{
	int vcpus = live("live_vcpus"), vms = live("live_vms"), tables = live("live_tables");
	pid_t pid;

	memset((void *)counts, 0, SPINNERS * sizeof(*counts));
	pid = fork();
	if (pid == 0) {
		spinners_start();
		if (end)
			end();
		for (;;)
			pause();
	}
	if (!counts_move(SPINNERS))
		return -1;
	if (signal)
		kill(pid, signal);
	if (wait_status(pid) != expected || !live_returns_to("live_vcpus", vcpus) ||
	    !live_returns_to("live_vms", vms))
		return -1;
	return live("live_tables") > tables ? live("live_tables") - tables : 0;
}

/* The parent's own VM may grow at first, by what the parent touches; a child leaves none. */
static bool child_leaves_nothing(int expected, void (*end)(void), int signal)
{
	int tables = 1, turns;

	for (turns = 0; turns < 3 && tables > 0; turns++)
		tables = child_leaves_tables(expected, end, signal);
	return tables == 0;
}

static void end_by_exit_group(void)
{
	milliseconds(5);
	_exit(7);
}

static void *exit_group_here(void *unused)
{
	(void)unused;
	milliseconds(5);
	_exit(8);
}

static void end_by_a_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, exit_group_here, NULL);
}

static void end_by_abort(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	milliseconds(5);
	abort();
}

static bool stop_and_continue(void)
{
	unsigned long before;
	int status;
	bool ok;
	pid_t pid = fork();

	if (pid == 0) {
		spinners_start();
		spin((void *)&counts[0]);
	}
	ok = counts_move(SPINNERS) && !kill(pid, SIGSTOP) &&
	     waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status);
	before = counts[0] + counts[1] + counts[2];
	milliseconds(20);
	ok &= before == counts[0] + counts[1] + counts[2];
	ok &= !kill(pid, SIGCONT) && waitpid(pid, &status, WCONTINUED) == pid &&
	      WIFCONTINUED(status) && counts_move(SPINNERS);
	kill(pid, SIGKILL);
	return wait_status(pid) == 256 + SIGKILL && ok;
}

/* The parent goes first; the child, in ring 0, is nobody's any more and goes on. */
static bool orphan_goes_on(void)
{
	pid_t pid = fork();
	bool ok;

	if (pid == 0) {
		pid_t child = fork();

		if (child == 0) {
			milliseconds(10);
			counts[SPINNERS] = dune_in_guest() && getpid() > 1;
			_exit(0);
		}
		_exit(0);
	}
	counts[SPINNERS] = 0;
	ok = wait_status(pid) == 0;
	milliseconds(10);
	return ok && live_returns_to("live_vms", 1) && counts[SPINNERS] == 1;
}

static bool forks(long n)
{
	long i;

	for (i = 0; i < n; i++) {
		pid_t pid = fork();

		/* Out and in again: fork, leave, enter, exit. */
		if (pid == 0)
			_exit(dune_in_guest() && !dune_leave() && !dune_enter() ? 0 : 1);
		if (wait_status(pid) != 0)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 60;

	if (argc > 1 && !strcmp(argv[1], "after-exec"))
		return dune_in_guest() || dune_init(NULL) || dune_enter() ||
				       !dune_in_guest() ?
			       1 : 42;
	ktap_plan(14);
	counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		ktap_bail("mmap");
	must_init_and_enter();
	ktap_check(exec_replaces(), "exec in a child: in Linux mode after it, then its own VM");
	ktap_check(exec_from_a_thread(), "exec by a thread while others are in ring 0");
	ktap_check(vfork_and_exec(), "vfork and exec");
	ktap_check(vfork_exec_fails(), "vfork and an exec that fails");
	ktap_check(child_leaves_nothing(7, end_by_exit_group, 0),
		   "exit_group with other threads inside");
	ktap_check(child_leaves_nothing(8, end_by_a_thread, 0),
		   "exit_group by a thread, the main one sleeps");
	ktap_check(child_leaves_nothing(256 + SIGABRT, end_by_abort, 0),
		   "abort with other threads inside");
	ktap_check(child_leaves_nothing(256 + SIGKILL, NULL, SIGKILL),
		   "SIGKILL of spinning threads");
	ktap_check(child_leaves_nothing(256 + SIGTERM, NULL, SIGTERM),
		   "SIGTERM of spinning threads");
	ktap_check(child_leaves_nothing(256 + SIGSEGV, NULL, SIGSEGV), "SIGSEGV from outside");
	ktap_check(stop_and_continue(), "SIGSTOP stops ring 0, SIGCONT continues it");
	ktap_check(orphan_goes_on(), "a child outlives its parent");
	ktap_check(forks(n), "fork, leave, enter, exit, many times");
	ktap_check(live_returns_to("live_vms", 1) && live("live_vcpus") == 1,
		   "one VM with one vCPU is left");
	return ktap_exit_status();
}
