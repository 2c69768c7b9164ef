// SPDX-License-Identifier: MIT
/* What it takes to make something that runs, and to see it end: a process, a thread. */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "micro/area.h"
#include "micro/groups.h"
#include "micro/measure.h"

static void process(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		give_up("fork");
}

static void *nothing(void *arg)
{
	return arg;
}

static void thread(void)
{
	pthread_t id;

	if (pthread_create(&id, NULL, nothing, NULL) || pthread_join(id, NULL))
		give_up("pthread_create");
}

void group_life(const struct plan *plan, const char *who)
{
	unsigned int few = plan->iterations / 10 ? plan->iterations / 10 : 1;

	MEASURE("fork", few, process());
	MEASURE("thread", few, thread());
}
