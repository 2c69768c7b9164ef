// SPDX-License-Identifier: MIT
/* PREFIX.json; of wake also the histogram, as .hgrm, .hlog and cyclictest's own JSON. */
#include "jitter/jitter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hdrlog.h"

static FILE *open_file(const struct options *options, const char *suffix)
{
	char *path;
	FILE *file;

	if (asprintf(&path, "%s%s", options->out, suffix) < 0)
		fail(FAIL_MEASUREMENT, "out of memory");
	file = fopen(path, "w");
	if (!file)
		fail(FAIL_MEASUREMENT, "cannot write %s: %s", path, strerror(errno));
	free(path);
	return file;
}

static void close_file(FILE *file, const struct options *options)
{
	bool bad = ferror(file);

	if (fclose(file) || bad)
		fail(FAIL_MEASUREMENT, "cannot write %s.*: is the disk full?", options->out);
}

static void put_interrupts(FILE *file, const struct measured *measured)
{
	const char *comma = "";
	unsigned int i;

	fprintf(file, " \"interrupts\": {");
	/* Rows neither come nor go while it runs, but a new handler's would stand behind. */
	for (i = 0; i < measured->after->n; i++) {
		uint64_t count = measured->after->row[i].count;

		if (i < measured->before->n && !strcmp(measured->before->row[i].name,
						       measured->after->row[i].name))
			count -= measured->before->row[i].count;
		if (!count)
			continue;
		fprintf(file, "%s\"%s\": %" PRIu64, comma, measured->after->row[i].name, count);
		comma = ", ";
	}
	fprintf(file, "},\n");
}

static void put(FILE *file, const char *name, uint64_t value)
{
	fprintf(file, " \"%s\": %" PRIu64 ",\n", name, value);
}

static void put_spin(FILE *file, const struct options *options, const struct spin *spin)
{
	const uint64_t kept = spin->found < GAPS_MAX ? spin->found : GAPS_MAX;
	uint64_t i, most = 0;

	for (i = 0; i < kept; i++)
		most = spin->gap[i].ticks > most ? spin->gap[i].ticks : most;
	put(file, "threshold_ticks", options->threshold);
	put(file, "warmup_ticks", options->warmup);
	put(file, "warmup_interruptions", spin->settling);
	put(file, "begin_ticks", spin->begin);
	put(file, "ticks", spin->ticks);
	put(file, "turns", spin->turns);
	put(file, "turn_ticks", spin->least);
	put(file, "interruptions", spin->found);
	put(file, "lost_ticks", spin->lost);
	put(file, "longest_ticks", most);
	put(file, "gaps_not_kept", spin->found - kept);
	fprintf(file, " \"gaps\": [");
	for (i = 0; i < kept; i++)
		fprintf(file, "%s[%" PRIu64 ", %" PRIu64 "]", i ? ", " : "", spin->gap[i].at,
			spin->gap[i].ticks);
	fprintf(file, "],\n");
}

static void put_wake(FILE *file, const struct options *options, const struct wake *wake)
{
	const struct hist *late = &wake->late;

	put(file, "interval_us", options->interval_us);
	put(file, "cycles", late->n);
	put(file, "overruns", wake->overruns);
	put(file, "overflow", late->overflow);
	put(file, "min_ns", late->n ? late->min : 0);
	put(file, "max_ns", late->max);
	put(file, "worst_at_ns", wake->worst_at_ns);
	fprintf(file, " \"mean_ns\": %.3f,\n", hist_mean(late));
}

/* A bucket a microsecond, by the microseconds begun. */
static void put_buckets(FILE *file, const struct hist *late)
{
	const char *comma = "";
	uint64_t bucket = 0, count = 0;
	unsigned int slot;

	for (slot = 0; slot <= HIST_SLOTS; slot++) {
		uint64_t us = slot < HIST_SLOTS ? hist_slot_low(slot) / 1000 : UINT64_MAX;

		if (us != bucket && count) {
			fprintf(file, "%s\"%" PRIu64 "\": %" PRIu64, comma, bucket, count);
			comma = ", ";
			count = 0;
		}
		bucket = us;
		if (slot < HIST_SLOTS)
			count += late->count[slot];
	}
}

/* As `cyclictest --json` writes it. */
static void put_cyclictest(FILE *file, const struct options *options, const struct hist *late)
{
	fprintf(file, "{\n \"file_version\": 1,\n \"cmdline\": \"jitter wake\",\n"
		" \"rt_test_version\": \"dunelab\",\n \"num_threads\": 1,\n"
		" \"resolution_in_ns\": 0,\n \"thread\": {\"0\": {\n  \"histogram\": {");
	put_buckets(file, late);
	fprintf(file, "},\n");
	put(file, "cycles", late->n);
	put(file, "min", late->n ? late->min / 1000 : 0);
	put(file, "max", late->max / 1000);
	fprintf(file, "  \"avg\": %.2f,\n  \"cpu\": %d,\n  \"node\": 0\n }}\n}\n",
		hist_mean(late) / 1000, options->cpu);
}

static void put_all(FILE *file, const struct options *options, const struct measured *measured)
{
	fprintf(file, "{\n \"schema\": \"dunelab-jitter-probe/1\",\n \"probe\": \"%s\",\n"
		" \"system\": \"%s\",\n \"tick_hz\": %.0f,\n",
		options->probe, options->system, measured->tick_hz);
	put(file, "cpu", (uint64_t)options->cpu);
	put(file, "exits", measured->exits);
	fprintf(file, " \"memory_locked\": %s,\n \"realtime\": %s,\n",
		measured->locked ? "true" : "false", measured->realtime ? "true" : "false");
	put_interrupts(file, measured);
	if (measured->spin)
		put_spin(file, options, measured->spin);
	else
		put_wake(file, options, measured->wake);
	fprintf(file, " \"clock\": \"%s\"\n}\n", measured->spin ? "TSC" : "CLOCK_MONOTONIC");
}

void output_files(const struct options *options, const struct measured *measured)
{
	const double length_s = (double)(options->interval_us * options->cycles) * 1e-6;
	FILE *file = open_file(options, ".json");

	put_all(file, options, measured);
	close_file(file, options);
	if (!measured->wake)
		return;
	file = open_file(options, ".cyclictest.json");
	put_cyclictest(file, options, &measured->wake->late);
	close_file(file, options);
	file = open_file(options, ".hgrm");
	hdrlog_percentiles(file, &measured->wake->late);
	close_file(file, options);
	file = open_file(options, ".hlog");
	hdrlog_header(file, "jitter wake", 0);
	if (hdrlog_interval(file, NULL, 0, length_s, &measured->wake->late))
		fail(FAIL_MEASUREMENT, "out of memory");
	close_file(file, options);
}
