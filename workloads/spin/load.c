// SPDX-License-Identifier: MIT
/* The open loop: requests are made when they are due. */
#include "spin/spin.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#define LEAD_NS 2000000u	/* from the first moment to that of the first arrival */

void cpu_bind(uint32_t cpu, int priority)
{
	struct sched_param param = { .sched_priority = priority };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		spin_fail("there is no such CPU for it: --cpu and --cores", errno);
	if (priority && sched_setscheduler(0, SCHED_FIFO, &param))
		spin_fail("no real-time priority: run it as root", errno);
}

void load_make(const struct options *options, const struct server *server,
	       struct request *requests, uint64_t n, struct outcome *outcome)
{
	const uint32_t cores = options->spec.params.cores;
	const struct server_counts before = server->counts();
	const uint64_t since = server->now(), start = since + LEAD_NS;
	struct server_counts after;
	uint64_t i, now;

	hist_reset(&outcome->late);
	for (i = 0; i < n; i++) {
		const uint64_t due = start + requests[i].job.arrival;

		if (requests[i].job.task.deadline != RT_FOREVER)
			requests[i].job.task.deadline += start;
		do
			now = server->now();
		while (now < due);
		server->submit(&requests[i]);
		hist_record(&outcome->late, now - due);
	}
	server->drain();
	after = server->counts();
	outcome->totals = (struct sim_totals){ .jobs = n };
	for (i = 0; i < n; i++) {
		struct request *request = &requests[i];

		request->ended -= start;
		if (request->job.task.deadline != RT_FOREVER)
			request->job.task.deadline -= start;
		outcome->totals.service_ns += request->job.size;
		if (request->ended > outcome->totals.end)
			outcome->totals.end = request->ended;
	}
	outcome->totals.preemptions = after.preemptions - before.preemptions;
	outcome->totals.dispatches = after.dispatches - before.dispatches;
	outcome->totals.steals = after.steals - before.steals;
	/* Cores count idleness when it ends: what several have of it at the very end is missing. */
	outcome->idle_ns = after.idle_ns - before.idle_ns - (start - since) * cores;
	outcome->overhead_ns = outcome->totals.end * cores - outcome->idle_ns -
			       outcome->totals.service_ns;
}
