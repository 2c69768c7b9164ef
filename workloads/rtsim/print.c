// SPDX-License-Identifier: MIT
/* What requests went through, as a table or as JSON. */
#include "rtsim/print.h"

#include <errno.h>
#include <stdio.h>

#include "lib/hdrlog.h"

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

/* The share that service has of cores that are never idle, of these requests at these costs. */
static double capacity(const struct options *o, const struct sim_totals *totals)
{
	const double service = (double)totals->service_ns, n = (double)totals->ends_of_quanta;

	return service / (service + (double)o->spec.dispatch_ns * ((double)totals->jobs + n) +
			  (double)o->spec.preempt_ns * n);
}

void print_json(const struct options *o, const struct measure *measure,
		const struct sim_totals *totals, double used, const char *clock)
{
	uint32_t i;

	printf("{\"schema\":1,\"clock_domain\":\"%s\",\"policy\":\"%s\",\"cores\":%u,"
	       "\"law\":\"%s\",\"stretch\":%g,\"load\":%.6f,\"arrival\":\"%s\","
	       "\"quantum_ns\":%llu,\"period_ns\":%llu,\"seed\":%llu,"
	       "\"cost_ns\":{\"submit\":%llu,\"kick\":%llu,\"wake\":%lld,"
	       "\"dispatch\":%llu,\"steal\":%llu,\"preempt\":%llu,"
	       "\"arm\":%llu,\"interrupt\":%llu,\"resume\":%llu,\"reach\":%llu,"
	       "\"lapse\":%llu,\"stale\":%llu},",
	       clock, o->spec.policy->name, o->spec.params.cores, o->law_text, o->stretch,
	       o->load, o->arrival == OPEN_POISSON ? "poisson" : "fixed",
	       (unsigned long long)o->spec.params.quantum,
	       (unsigned long long)o->spec.period_ns, (unsigned long long)o->seed,
	       (unsigned long long)o->spec.submit_ns, (unsigned long long)o->spec.kick_ns,
	       (long long)o->spec.wake_ns,
	       (unsigned long long)o->spec.dispatch_ns, (unsigned long long)o->spec.steal_ns,
	       (unsigned long long)o->spec.preempt_ns,
	       (unsigned long long)o->spec.arm_ns,
	       (unsigned long long)o->spec.interrupt_ns,
	       (unsigned long long)o->spec.resume_ns, (unsigned long long)o->spec.reach_ns,
	       (unsigned long long)o->spec.lapse_ns,
	       (unsigned long long)o->spec.stale_ns);
	json_row("sojourn_ns", &measure->sojourn, 1.0);
	printf(",");
	json_row("slowdown", &measure->slowdown, MEASURE_SLOWDOWN);
	printf(",\"classes\":[");
	for (i = 0; i < o->law.classes; i++) {
		printf(i ? "," : "");
		json_row(NULL, &measure->class[i], 1.0);
	}
	printf("],\"capacity\":%.6f,\"preemptions\":%llu,\"steals\":%llu,\"missed\":%llu,"
	       "\"utilisation\":%.6f,\"digest\":\"%016llx\"}\n", capacity(o, totals),
	       (unsigned long long)totals->preemptions,
	       (unsigned long long)totals->steals, (unsigned long long)measure->missed, used,
	       (unsigned long long)measure_digest(measure));
}

int print_hlog(const struct options *o, const struct measure *measure, const struct hist *late,
	       uint64_t length_ns)
{
	const double length_s = (double)length_ns * 1e-9;
	FILE *file = fopen(o->hlog, "w");
	char tag[16];
	uint32_t i;
	int bad;

	if (!file)
		return -1;
	hdrlog_header(file, "slowdown in thousandths, the others in ns", 0);
	bad = hdrlog_interval(file, "sojourn", 0, length_s, &measure->sojourn);
	bad |= hdrlog_interval(file, "slowdown", 0, length_s, &measure->slowdown);
	for (i = 0; i < o->law.classes; i++) {
		snprintf(tag, sizeof(tag), "class%u", i);
		bad |= hdrlog_interval(file, tag, 0, length_s, &measure->class[i]);
	}
	if (late)
		bad |= hdrlog_interval(file, "late", 0, length_s, late);
	bad |= ferror(file);
	return fclose(file) || bad ? -1 : 0;
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
