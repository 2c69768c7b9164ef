// SPDX-License-Identifier: MIT
/*
 * A thread of one CPU has a handler called in one that spins on a second, from the call until
 * the handler's store is seen: by a signal, or by an interrupt from vCPU to vCPU. With one CPU
 * there is no such row.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "micro/area.h"
#include "micro/cpus.h"
#include "micro/groups.h"

static volatile uint64_t arrived;
static volatile pid_t receiver;
static volatile bool over;

void ipi_arrived(void)
{
	arrived++;
}

static void *receive(void *arg)
{
	on_cpu(1);
	receiver = gettid();
	while (!over)
		__builtin_ia32_pause();
	return arg;
}

static void there(ipi_send_fn send)
{
	uint64_t before = arrived;

	send(receiver);
	while (arrived == before)
		__builtin_ia32_pause();
}

void group_ipi(const struct plan *plan, const char *who, ipi_send_fn send)
{
	struct series s = { plan->batches, plan->iterations, { 0 }, { 0 } };
	cpu_set_t before;
	pthread_t id;
	char name[40];

	snprintf(name, sizeof(name), "%s.ipi", who);
	if (!series_wanted(plan, name) || sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return;
	sched_getaffinity(0, sizeof(before), &before);
	on_cpu(0);
	over = false;
	receiver = 0;
	if (pthread_create(&id, NULL, receive, NULL))
		give_up("pthread_create");
	while (!receiver)
		sched_yield();
	SERIES_RUN(s.empty, s.batches, s.iterations, NOTHING);
	SERIES_RUN(s.ticks, s.batches, s.iterations, there(send));
	series_print(name, &s);
	over = true;
	pthread_join(id, NULL);
	sched_setaffinity(0, sizeof(before), &before);
}
