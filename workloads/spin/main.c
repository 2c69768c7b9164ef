// SPDX-License-Identifier: MIT
/* The simulator's experiment on a machine: the same requests, options and figures. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "rtsim/measure.h"
#include "rtsim/print.h"
#include "spin/spin.h"

#define PRIORITY 90		/* of whoever makes requests */

static const char help[] =
	"usage: spin --policy NAME [options]\n"
	"Requests that spin, made when they are due, however long the queue, and served on this\n"
	"machine. Options and figures are rt-sim's, which runs the same requests under the same\n"
	"policy in virtual time; but costs are what they are, and have no option.\n"
	"\n"
	"  --server rt          a task a request, of libdune's runtime in ring 0 (dune.ko)\n"
	"  --server other|fifo  threads of Linux and one queue, under SCHED_OTHER or SCHED_FIFO;\n"
	"                       --policy is a name then, cfcfs or rr, and no quantum is kept\n"
	"  --threads N          of those (one a core, which takes requests in order of arrival;\n"
	"                       more share the cores as Linux has it)\n"
	"  --cpu N              makes requests (0); the CPUs after it serve\n"
	"\n"
	"A request's time is from when it was due to its end. Service is a number of turns of a\n"
	"loop, calibrated, whatever interrupts it.\n"
	"\n"
	"With --json a second object tells of the machine: how late requests were made, what was\n"
	"neither service nor idleness, and the costs that rt-sim wants for options, measured\n"
	"before, by other requests. Status 0: done; 2: bad command line; 3: no measurement.\n";

_Noreturn void spin_fail(const char *what, int error)
{
	fprintf(stderr, "spin: %s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
	exit(3);
}

static void machine_json(const struct server *server, const struct outcome *outcome,
			 const struct request *requests, uint64_t warmup, uint64_t n)
{
	const struct hist *late = &outcome->late;
	const struct costs *costs = &outcome->costs;

	printf("{\"server\":\"%s\",\"late_ns\":{\"p50\":%llu,\"p99\":%llu,\"p999\":%llu,"
	       "\"max\":%llu},", server->name, (unsigned long long)hist_percentile(late, 50, 100),
	       (unsigned long long)hist_percentile(late, 99, 100),
	       (unsigned long long)hist_percentile(late, 999, 1000),
	       (unsigned long long)late->max);
	if (server->has_counts)
		printf("\"overhead_ns\":%llu,\"idle_ns\":%llu,",
		       (unsigned long long)outcome->overhead_ns,
		       (unsigned long long)outcome->idle_ns);
	printf("\"service_ns\":%llu,\"end_ns\":%llu,\"dispatches\":%llu,"
	       "\"costs_ns\":{\"submit\":%.1f,\"wake\":%.1f,\"dispatch\":%.1f",
	       (unsigned long long)outcome->totals.service_ns,
	       (unsigned long long)outcome->totals.end,
	       (unsigned long long)outcome->totals.dispatches, costs->submit, costs->wake,
	       costs->dispatch);
	if (costs->has_quantum)
		printf(",\"preempt\":%.1f,\"arm\":%.1f,\"lapse\":%.1f,\"stale\":%.1f,"
		       "\"served\":%.1f", costs->preempt, costs->arm, costs->lapse,
		       costs->stale, costs->served);
	if (costs->has_interrupt)
		printf(",\"interrupt\":%.1f,\"resume\":%.1f,\"reach\":%.1f,\"kick\":%.1f",
		       costs->interrupt, costs->resume, costs->reach, costs->kick);
	printf("},");
	series_json(requests, warmup, n);
	printf("}\n");
}

static void machine_table(const struct server *server, const struct outcome *outcome)
{
	const double n = (double)outcome->totals.jobs, us = 1e3;
	const struct hist *late = &outcome->late;
	const struct costs *costs = &outcome->costs;

	printf("made late by %.3f us (median), %.3f us (p99), %.3f us at most",
	       (double)hist_percentile(late, 50, 100) / us,
	       (double)hist_percentile(late, 99, 100) / us, (double)late->max / us);
	if (server->has_counts)
		printf("; %.3f us a request were neither service nor idleness",
		       (double)outcome->overhead_ns / n / us);
	printf("\ncosts, us: %.3f to make a request, %.3f to wake a core, %.3f to begin",
	       costs->submit / us, costs->wake / us, costs->dispatch / us);
	if (costs->has_quantum)
		printf(", %.3f for the next after %.3f of service in a quantum, %.3f without one",
		       costs->preempt / us, costs->served / us, costs->lapse / us);
	if (costs->has_interrupt)
		printf(", %.3f for an arrival and %.3f to tell", costs->interrupt / us,
		       costs->kick / us);
	printf("\n");
}

static struct request *draw(const struct options *o, uint64_t n)
{
	struct request *requests = calloc(n, sizeof(*requests));
	struct open_load open;
	uint64_t i;

	if (!requests)
		spin_fail("out of memory: lower --requests", 0);
	open_start(&open, &o->law, o->arrival, o->load, o->spec.params.cores, n, o->seed);
	if (o->spec.policy->flags & RT_USES_DEADLINE)
		open.deadline_factor = o->deadline_factor;
	for (i = 0; i < n && open_next(&open, &requests[i].job); i++)
		requests[i].job.number = i;
	return requests;
}

static const struct server *choose(const struct options *options)
{
	const char *policy = options->spec.policy->name;

	if (options->server == SERVER_RT) {
		if (!options->threads)
			return &server_rt;
		fputs("spin: --threads: the runtime has a task for each request\n", stderr);
		exit(2);
	}
	if (!strcmp(policy, "cfcfs") || !strcmp(policy, "rr"))
		return &server_threads;
	fputs("spin: --policy: threads of Linux have cfcfs, or with --threads rr\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	struct measure *measure = malloc(sizeof(*measure));
	static struct outcome outcome;
	const struct server *server;
	struct request *requests;
	struct options options;
	uint64_t n, i;
	double used;

	options_parse(&options, argc, argv, help, true);
	server = choose(&options);
	n = options.requests + options.warmup;
	requests = draw(&options, n);
	if (!measure)
		spin_fail("out of memory: lower --requests", 0);
	measure_start(measure, options.warmup);
	cpu_bind(options.cpu, PRIORITY);
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		spin_fail("cannot lock memory", errno);
	server->start(&options);
	burn_calibrate(server);
	/* A pool that Linux divides the cores among has no cost a request. */
	if (options.threads <= options.spec.params.cores)
		costs_measure(&options, server, &outcome.costs);
	load_make(&options, server, requests, n, &outcome);
	server->stop();
	for (i = 0; i < n; i++)
		measure_done(measure, &requests[i].job, requests[i].ended);
	print_warning(&options);
	used = (double)outcome.totals.service_ns /
	       ((double)outcome.totals.end * options.spec.params.cores);
	if (options.json) {
		print_json(&options, measure, &outcome.totals, used, "machine");
		machine_json(server, &outcome, requests, options.warmup, n);
	} else {
		print_table(&options, measure, &outcome.totals, used);
		machine_table(server, &outcome);
	}
	if (options.hlog && print_hlog(&options, measure, &outcome.late, outcome.totals.end)) {
		fprintf(stderr, "spin: cannot write %s\n", options.hlog);
		return 3;
	}
	return 0;
}
