// SPDX-License-Identifier: MIT
/* From one process to another of the same CPU: a byte goes to and fro through two pipes. */
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "micro/area.h"
#include "micro/groups.h"

static void get(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 1)
		give_up("pipe");
}

static void put(int fd)
{
	if (write(fd, "", 1) != 1)
		give_up("pipe");
}

static void there_and_back(const int to[2], const int from[2])
{
	put(to[1]);
	get(from[0]);
}

static void on_first_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		give_up("sched_setaffinity");
}

/* A round is two switches, and so are two iterations. */
void group_switch(const struct plan *plan)
{
	struct series s = { plan->batches, 2 * plan->iterations, { 0 }, { 0 } };
	int to[2], from[2];
	cpu_set_t before;
	pid_t pid;

	if (!series_wanted(plan, "linux.switch"))
		return;
	sched_getaffinity(0, sizeof(before), &before);
	on_first_cpu();
	if (pipe(to) || pipe(from) || (pid = fork()) < 0)
		give_up("pipe");
	while (!pid) {
		get(to[0]);
		put(from[1]);
	}
	SERIES_RUN(s.empty, s.batches, s.iterations, NOTHING);
	SERIES_RUN(s.ticks, s.batches, plan->iterations, there_and_back(to, from));
	series_print("linux.switch", &s);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 2; i++) {
		close(to[i]);
		close(from[i]);
	}
	sched_setaffinity(0, sizeof(before), &before);
}
