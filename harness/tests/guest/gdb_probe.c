// SPDX-License-Identifier: MIT
/* A program to be debugged: its argument says what it does after two calls. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

volatile int marker = 7, watched, handled;
int *volatile nowhere = (int *)0x1238;

__attribute__((noinline)) int inner(int n)
{
	marker += n;
	return marker * 2;
}

__attribute__((noinline)) int outer(int n)
{
	int result = inner(n);

	return result + 1;
}

static void crash(void)
{
	*nowhere = 1;
}

static volatile pid_t waiting;

static void *wait_forever(void *arg)
{
	waiting = gettid();
	for (;;)
		pause();
	return arg;
}

/* A thread that waits for ever, and does: on a busy machine it may take its time to begin. */
static void start_waiting(void)
{
	char path[40], state = 0;
	pthread_t thread;
	FILE *file;

	waiting = 0;
	pthread_create(&thread, NULL, wait_forever, NULL);
	while (!waiting)
		usleep(1000);
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", waiting);
	while (state != 'S') {
		usleep(1000);
		file = fopen(path, "r");
		if (!file || fscanf(file, "%*d %*s %c", &state) != 1)
			abort();
		fclose(file);
	}
}

static void handler(int signal)
{
	handled = signal;
}

/* Until somebody makes the file. */
static void spin(void)
{
	long turns = 0;

	while (++turns % 100000 || access("/tmp/go", F_OK))
		;
}

static void *spin_forever(void *arg)
{
	for (;;)
		watched++;
	return arg;
}

/* One thread waits in a system call, one computes, one crashes. */
static void threads_crash(void)
{
	pthread_t thread;

	start_waiting();
	pthread_create(&thread, NULL, spin_forever, NULL);
	while (!watched)
		;
	crash();
}

static void threads_spin(void)
{
	start_waiting();
	start_waiting();
	spin();
	printf("marker %d\n", marker);
}

static void fork_and_execute(void)
{
	int status = -1;

	if (!fork())
		_exit(outer(0) == 85 ? 5 : 6);
	wait(&status);
	printf("child %d\n", WEXITSTATUS(status));
	printf("shell %d\n", WEXITSTATUS(system("exit 9")));
	fflush(stdout);
	execl("/proc/self/exe", "gdb-probe", "end", NULL);
}

static void signals(void)
{
	signal(SIGUSR1, handler);
	raise(SIGUSR1);
	printf("handled %d\n", handled);
}

static void watch(void)
{
	write(1, "written\n", 8);
	watched = 5;
	getppid();
	watched = 6;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	printf("outer %d\n", outer(35));
	fflush(stdout);
	if (!strcmp(what, "crash"))
		crash();
	if (!strcmp(what, "cores"))
		threads_crash();
	if (!strcmp(what, "threads"))
		threads_spin();
	if (!strcmp(what, "fork"))
		fork_and_execute();
	if (!strcmp(what, "signals"))
		signals();
	if (!strcmp(what, "watch"))
		watch();
	return 3;
}
