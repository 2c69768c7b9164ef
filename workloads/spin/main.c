// SPDX-License-Identifier: MIT
/* The simulator's experiment on a machine: the same requests, options and figures. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rtsim/measure.h"
#include "rtsim/print.h"
#include "spin/spin.h"

static const char help[] =
	"usage: spin --policy NAME [options]\n"
	"Requests that spin, as tasks of libdune's runtime in ring 0 on CPUs 1 to K; CPU 0 makes\n"
	"them, each when it is due, however long the queue. dune.ko is loaded.\n"
	"\n"
	"Options and figures are rt-sim's, which runs the same requests under the same policy in\n"
	"virtual time; but costs are what they are, and have no option. A request is a task: its\n"
	"time is from when it was due to its end. Service is a number of turns of a loop,\n"
	"calibrated, whatever interrupts it.\n"
	"\n"
	"With --json a second object tells of the machine: how late requests were made, what was\n"
	"neither service nor idleness. Status 0: done; 2: bad command line; 3: no measurement.\n";

_Noreturn void spin_fail(const char *what, int error)
{
	fprintf(stderr, "spin: %s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
	exit(3);
}

static void machine(const struct options *o, const struct outcome *outcome)
{
	const double n = (double)outcome->totals.jobs, us = 1e3;
	const struct hist *late = &outcome->late;

	if (o->json)
		printf("{\"late_ns\":{\"p50\":%llu,\"p99\":%llu,\"max\":%llu},\"overhead_ns\":%llu,"
		       "\"idle_ns\":%llu,\"end_ns\":%llu,\"dispatches\":%llu}\n",
		       (unsigned long long)hist_percentile(late, 50, 100),
		       (unsigned long long)hist_percentile(late, 99, 100),
		       (unsigned long long)late->max, (unsigned long long)outcome->overhead_ns,
		       (unsigned long long)outcome->idle_ns,
		       (unsigned long long)outcome->totals.end,
		       (unsigned long long)outcome->totals.dispatches);
	else
		printf("made late by %.3f us (median), %.3f us (p99), %.3f us at most; %.3f us a "
		       "request were neither service nor idleness\n",
		       (double)hist_percentile(late, 50, 100) / us,
		       (double)hist_percentile(late, 99, 100) / us, (double)late->max / us,
		       (double)outcome->overhead_ns / n / us);
}

static struct sim_job *draw(const struct options *o, uint64_t n)
{
	struct sim_job *jobs = calloc(n, sizeof(*jobs));
	struct open_load open;
	uint64_t i;

	if (!jobs)
		spin_fail("out of memory: lower --requests", 0);
	open_start(&open, &o->law, o->arrival, o->load, o->spec.params.cores, n, o->seed);
	if (o->spec.policy->flags & RT_USES_DEADLINE)
		open.deadline_factor = o->deadline_factor;
	for (i = 0; i < n && open_next(&open, &jobs[i]); i++)
		jobs[i].number = i;
	return jobs;
}

int main(int argc, char **argv)
{
	struct measure *measure = malloc(sizeof(*measure));
	static struct outcome outcome;
	struct options options;
	struct sim_job *jobs;
	uint64_t n, i, *ended;

	options_parse(&options, argc, argv, help);
	if (options.spec.dispatch_ns || options.spec.steal_ns || options.spec.preempt_ns) {
		fputs("spin: costs are the machine's; see spin --help\n", stderr);
		return 2;
	}
	n = options.requests + options.warmup;
	jobs = draw(&options, n);
	ended = calloc(n, sizeof(*ended));
	if (!measure || !ended)
		spin_fail("out of memory: lower --requests", 0);
	measure_start(measure, options.warmup);
	spin_serve(&options, jobs, n, ended, &outcome);
	for (i = 0; i < n; i++)
		measure_done(measure, &jobs[i], ended[i]);
	print_warning(&options);
	if (options.json)
		print_json(&options, measure, &outcome.totals,
			   (double)outcome.totals.service_ns /
				   ((double)outcome.totals.end * options.spec.params.cores),
			   "machine");
	else
		print_table(&options, measure, &outcome.totals,
			    (double)outcome.totals.service_ns /
				    ((double)outcome.totals.end * options.spec.params.cores));
	machine(&options, &outcome);
	return 0;
}
