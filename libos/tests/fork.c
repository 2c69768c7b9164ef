// SPDX-License-Identifier: MIT
/* Children: fork, vfork, posix_spawn and exec, out of Dune mode and out of Linux mode. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/dune_mode.h"

extern char **environ;

static int wait_status(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

/* The child writes to what it inherited: the parent must not see it. */
static int child_works(int *value)
{
	pid_t parent = getppid();

	if (!dune_in_guest() || *value != 1 || parent <= 1)
		return 2;
	*value = 2;
	return getpid() != parent && *value == 2 ? 0 : 3;
}

static bool fork_works(void)
{
	int *value = malloc(sizeof(*value));
	pid_t pid;
	int status;

	*value = 1;
	pid = fork();
	if (pid == 0)
		_exit(child_works(value));
	status = wait_status(pid);
	return status == 0 && *value == 1;
}

static bool fork_many_work(int n)
{
	bool ok = true;

	while (ok && n--)
		ok = fork_works();
	return ok;
}

static bool grandchild_works(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(fork_works() ? 0 : 1);
	return wait_status(pid) == 0;
}

static bool fork_exec_works(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
		_exit(1);
	}
	return wait_status(pid) == 7;
}

static bool spawn_works(void)
{
	char *argv[] = { "sh", "-c", "exit 9", NULL };
	pid_t pid = -1;
	int i;

	for (i = 0; i < 20; i++)
		if (posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) ||
		    wait_status(pid) != 9)
			return false;
	return true;
}

static bool vfork_works(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(11);
	return wait_status(pid) == 11;
}

static bool popen_works(void)
{
	char line[32] = "";
	FILE *pipe = popen("echo from a shell", "r");
	bool ok = pipe && fgets(line, sizeof(line), pipe) &&
		  !strcmp(line, "from a shell\n");

	return pclose(pipe) == 0 && ok;
}

static void *spin(void *stop)
{
	while (!__atomic_load_n((int *)stop, __ATOMIC_RELAXED))
		;
	return NULL;
}

static bool fork_with_threads_works(void)
{
	pthread_t thread;
	int stop = 0;
	bool ok;

	pthread_create(&thread, NULL, spin, &stop);
	ok = fork_many_work(20);
	stop = 1;
	pthread_join(thread, NULL);
	return ok;
}

static void *thread_in_child(void *arg)
{
	return dune_in_guest() ? arg : NULL;
}

static bool child_makes_threads(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t thread;
		void *result = NULL;

		if (pthread_create(&thread, NULL, thread_in_child, &pid) ||
		    pthread_join(thread, &result))
			_exit(1);
		_exit(result == &pid ? 0 : 2);
	}
	return wait_status(pid) == 0;
}

/* Copy on write, both ways, over a large page and small ones. */
static bool cow_works(void)
{
	size_t size = 4 << 20, i;
	unsigned char *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool ok = true;
	pid_t pid;

	memset(map, 1, size);
	pid = fork();
	if (pid == 0) {
		for (i = 0; i < size; i += 4096)
			if (map[i] != 1)
				_exit(1);
		memset(map, 2, size);
		_exit(map[size - 1] == 2 ? 0 : 2);
	}
	for (i = 0; i < size; i += 8192)
		map[i] = 3;
	ok = wait_status(pid) == 0;
	for (i = 0; i < size; i += 4096)
		ok &= map[i] == (i % 8192 ? 1 : 3);
	munmap(map, size);
	return ok;
}

static void *protect_for_ever(void *stop)
{
	static char page[4096] __attribute__((aligned(4096)));

	while (!__atomic_load_n((int *)stop, __ATOMIC_RELAXED))
		dune_vm_protect(page, 4096, DUNE_PROT_READ | DUNE_PROT_WRITE);
	return NULL;
}

/* A lock that the other thread holds must not be held for ever in the child. */
static bool linux_fork_beside_a_busy_thread(void)
{
	pthread_t thread;
	int stop = 0, i;
	bool ok = true;

	pthread_create(&thread, NULL, protect_for_ever, &stop);
	dune_leave();
	for (i = 0; ok && i < 60; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(dune_enter() ? 1 : 0);
		ok = wait_status(pid) == 0;
	}
	must_enter();
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	return ok;
}

static volatile int handler_child, handler_enter;

static void fork_in_handler(int signal)
{
	pid_t pid = fork();

	(void)signal;
	if (pid) {
		handler_child = pid;
		handler_enter = dune_enter();
	}
}

/* The child's handler returns into a guest of its own. */
static bool fork_in_handler_works(void)
{
	pid_t parent = getpid();

	handler_child = 0;
	signal(SIGUSR1, fork_in_handler);
	raise(SIGUSR1);
	if (getpid() != parent)
		_exit(dune_in_guest() ? 0 : 1);
	return wait_status(handler_child) == 0 && dune_in_guest() &&
	       handler_enter == -EALREADY;
}

static bool linux_fork_works(void)
{
	pid_t pid;

	dune_leave();
	pid = fork();
	if (pid == 0)
		_exit(dune_in_guest() ? 1 : dune_enter() ? 2 : dune_in_guest() ? 0 : 3);
	must_enter();
	return wait_status(pid) == 0;
}

int main(void)
{
	ktap_plan(13);
	must_init_and_enter();
	ktap_check(fork_works(), "fork: the child is in ring 0, memory is its own");
	ktap_check(fork_many_work(50), "50 forks");
	ktap_check(grandchild_works(), "a child forks");
	ktap_check(child_makes_threads(), "a child makes threads");
	ktap_check(fork_with_threads_works(), "fork while another thread runs");
	ktap_check(cow_works(), "copy on write");
	ktap_check(fork_exec_works(), "fork and exec");
	ktap_check(vfork_works(), "vfork");
	ktap_check(spawn_works(), "posix_spawn");
	ktap_check(popen_works(), "popen");
	ktap_check(linux_fork_beside_a_busy_thread(),
		   "fork in Linux mode while another thread edits page tables");
	ktap_check(fork_in_handler_works(), "fork in a signal handler");
	ktap_check(linux_fork_works(), "fork in Linux mode, the child enters");
	return ktap_exit_status();
}
