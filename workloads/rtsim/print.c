// SPDX-License-Identifier: MIT
/* What requests went through, as a table or as JSON. */
#include "rtsim/print.h"

#include <errno.h>
#include <stdio.h>

static const double percents[] = { 0.5, 0.9, 0.99, 0.999, 0.9999 };
#define PERCENTS 5

static void table_row(const char *name, const struct hist *hist, double unit)
{
	size_t i;

	printf("%-10s %9llu %11.3f", name, (unsigned long long)hist->n, hist_mean(hist) / unit);
	for (i = 0; i < PERCENTS; i++) {
		double value = measure_percentile(hist, percents[i]);

		if (value > 0.0)
			printf(" %11.3f", value / unit);
		else
			printf(" %11s", "-");
	}
	printf(" %11.3f\n", (double)hist->max / unit);
}

void print_table(const struct options *o, const struct measure *measure,
		 const struct sim_totals *totals, double used)
{
	char name[24];
	uint32_t i;

	printf("%s, %u cores, %s, load %g, seed %llu: %llu preemptions, %llu stolen, "
	       "service took %.4f of the cores\n", o->spec.policy->name, o->spec.params.cores,
	       o->law_text, o->load, (unsigned long long)o->seed,
	       (unsigned long long)totals->preemptions, (unsigned long long)totals->steals, used);
	printf("%-10s %9s %11s %11s %11s %11s %11s %11s %11s\n", "us", "requests", "mean", "p50",
	       "p90", "p99", "p99.9", "p99.99", "max");
	table_row("sojourn", &measure->sojourn, 1e3);
	for (i = 0; o->law.classes > 1 && i < o->law.classes; i++) {
		snprintf(name, sizeof(name), "class %u", i);
		table_row(name, &measure->class[i], 1e3);
	}
	table_row("slowdown", &measure->slowdown, MEASURE_SLOWDOWN);
	if (o->spec.policy->flags & RT_USES_DEADLINE)
		printf("deadlines missed: %llu\n", (unsigned long long)measure->missed);
}

static void json_row(const char *key, const struct hist *hist, double unit)
{
	static const char *const names[PERCENTS] = { "p50", "p90", "p99", "p999", "p9999" };
	size_t i;

	if (key)
		printf("\"%s\":", key);
	printf("{\"n\":%llu,\"mean\":%.6f", (unsigned long long)hist->n, hist_mean(hist) / unit);
	for (i = 0; i < PERCENTS; i++) {
		double value = measure_percentile(hist, percents[i]);

		if (value > 0.0)
			printf(",\"%s\":%.3f", names[i], value / unit);
		else
			printf(",\"%s\":null", names[i]);
	}
	printf(",\"max\":%.3f}", (double)hist->max / unit);
}

void print_json(const struct options *o, const struct measure *measure,
		const struct sim_totals *totals, double used, const char *clock)
{
	uint32_t i;

	printf("{\"schema\":1,\"clock_domain\":\"%s\",\"policy\":\"%s\",\"cores\":%u,"
	       "\"law\":\"%s\",\"load\":%.6f,\"arrival\":\"%s\",\"quantum_ns\":%llu,\"seed\":%llu,"
	       "\"cost_ns\":{\"dispatch\":%llu,\"steal\":%llu,\"preempt\":%llu},",
	       clock, o->spec.policy->name, o->spec.params.cores, o->law_text, o->load,
	       o->arrival == OPEN_POISSON ? "poisson" : "fixed",
	       (unsigned long long)o->spec.params.quantum, (unsigned long long)o->seed,
	       (unsigned long long)o->spec.dispatch_ns, (unsigned long long)o->spec.steal_ns,
	       (unsigned long long)o->spec.preempt_ns);
	json_row("sojourn_ns", &measure->sojourn, 1.0);
	printf(",");
	json_row("slowdown", &measure->slowdown, MEASURE_SLOWDOWN);
	printf(",\"classes\":[");
	for (i = 0; i < o->law.classes; i++) {
		printf(i ? "," : "");
		json_row(NULL, &measure->class[i], 1.0);
	}
	printf("],\"preemptions\":%llu,\"steals\":%llu,\"missed\":%llu,\"utilisation\":%.6f,"
	       "\"digest\":\"%016llx\"}\n", (unsigned long long)totals->preemptions,
	       (unsigned long long)totals->steals, (unsigned long long)measure->missed, used,
	       (unsigned long long)measure_digest(measure));
}

void print_warning(const struct options *o)
{
	double n = 0.0, capacity;

	if (o->spec.policy->flags & RT_TAKES_QUANTUM)
		n = law_interruptions(&o->law, (double)o->spec.params.quantum);
	capacity = o->law.mean_ns / (o->law.mean_ns + (double)o->spec.dispatch_ns * (1.0 + n) +
				     n * (double)o->spec.preempt_ns);
	if (o->load >= capacity)
		fprintf(stderr,
			"%s: load %g is not below the capacity %.4f: the queue grows while "
			"requests come, and the figures with --requests\n",
			program_invocation_short_name, o->load, capacity);
}
