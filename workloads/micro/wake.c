// SPDX-License-Identifier: MIT
/*
 * A thread of one CPU wakes another of a second one, by futex: an interrupt from CPU to CPU,
 * and all that leads to it. There and back are two of them. With one CPU there is no such row.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "micro/area.h"
#include "micro/cpus.h"
#include "micro/groups.h"

static volatile uint32_t turn; /* even: the first one's */
static volatile bool over;

static void pass_on(void)
{
	turn++;
	syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL);
}

static void wait_for(uint32_t mine)
{
	uint32_t now;

	while ((now = turn) % 2 != mine)
		syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, now, NULL);
}

static void *second(void *arg)
{
	on_cpu(1);
	while (!over) {
		wait_for(1);
		pass_on();
	}
	return arg;
}

static void there_and_back(void)
{
	pass_on();
	wait_for(0);
}

void group_wake(const struct plan *plan, const char *who)
{
	struct series s = { plan->batches, 2 * plan->iterations, { 0 }, { 0 } };
	cpu_set_t before;
	pthread_t id;
	char name[40];

	snprintf(name, sizeof(name), "%s.wake", who);
	if (!series_wanted(plan, name) || sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return;
	sched_getaffinity(0, sizeof(before), &before);
	on_cpu(0);
	over = false;
	if (pthread_create(&id, NULL, second, NULL))
		give_up("pthread_create");
	SERIES_RUN(s.empty, s.batches, s.iterations, NOTHING);
	SERIES_RUN(s.ticks, s.batches, plan->iterations, there_and_back());
	series_print(name, &s);
	over = true;
	there_and_back();
	pthread_join(id, NULL);
	sched_setaffinity(0, sizeof(before), &before);
}
