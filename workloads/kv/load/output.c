// SPDX-License-Identifier: MIT
/* Formatting results. */
#include "kv/load/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kv/load/fail.h"
#include "kv/load/slow.h"
#include "lib/clock.h"
#include "lib/hdrlog.h"

/* Of the warm-up in the log: at most so many, and a median takes so many requests each. */
#define WARMUP_PARTS	20
#define WARMUP_LEAST	40

static void put_u64(FILE *file, const char *name, uint64_t value)
{
	fprintf(file, " \"%s\": %" PRIu64 ",\n", name, value);
}

static void put_text(FILE *file, const char *name, const char *value)
{
	fprintf(file, " \"%s\": \"%s\",\n", name, value);
}

/* NULL means null: a quantity this mode does not have. */
static void put_double(FILE *file, const char *name, const double *value)
{
	if (value)
		fprintf(file, " \"%s\": %.6f,\n", name, *value);
	else
		fprintf(file, " \"%s\": null,\n", name);
}

static uint64_t least(const struct hist *hist)
{
	return hist->n ? hist->min : 0;
}

static void put_hist(FILE *file, const char *name, const struct hist *hist)
{
	fprintf(file, " \"%s\": {\"n\": %" PRIu64 ", \"min\": %" PRIu64 ", \"max\": %" PRIu64
		", \"mean\": %.3f, \"stddev\": %.3f, \"overflow\": %" PRIu64 "},\n",
		name, hist->n, least(hist), hist->max, hist_mean(hist), hist_stddev(hist),
		hist->overflow);
}

static void put_late(FILE *file, const struct hist *hist)
{
	fprintf(file, " \"late\": {\"n\": %" PRIu64 ", \"p50\": %" PRIu64 ", \"p99\": %" PRIu64
		", \"max\": %" PRIu64 ", \"mean\": %.3f, \"overflow\": %" PRIu64 "},\n",
		hist->n, hist_percentile(hist, 50, 100), hist_percentile(hist, 99, 100), hist->max,
		hist_mean(hist), hist->overflow);
}

static void put_slowest(FILE *file, const struct traffic *traffic, uint64_t warmup)
{
	struct slow slow[SLOW_MAX];
	unsigned int i, n = slow_find(slow, traffic, warmup);

	fprintf(file, " \"slowest\": [");
	for (i = 0; i < n; i++) {
		const struct slow *one = &slow[i];

		fprintf(file, "%s{\"request\": %" PRIu64 ", \"scheduled_ns\": %" PRIu64
			", \"sent_ns\": %" PRIu64 ", \"done_ns\": %" PRIu64
			", \"before_ns\": %" PRIu64 ", \"busy_ns\": %" PRIu64
			", \"ahead\": %" PRIu64 "}", i ? ",\n  " : "", one->request,
			one->at, one->sent, one->done, one->before, one->busy, one->ahead);
	}
	fprintf(file, "],\n");
}

/* Which readings of the TSC mean which ns after the start. */
static void put_clocks(FILE *file, const struct traffic *traffic)
{
	fprintf(file, " \"tsc_pairs\": [[%" PRIu64 ", %" PRId64 "], [%" PRIu64 ", %" PRId64 "]],\n",
		traffic->began.tsc, (int64_t)(traffic->began.ns - traffic->start_ns),
		traffic->ended.tsc, (int64_t)(traffic->ended.ns - traffic->start_ns));
}

void output_json(FILE *file, const struct load_options *options, const struct traffic *traffic,
		 const struct result *result, bool locked)
{
	const struct schedule_spec *spec = &options->spec;
	bool open = options->mode == MODE_RUN;

	fprintf(file, "{\n");
	put_text(file, "schema", "kv-load/1");
	put_text(file, "mode", load_mode_name[options->mode]);
	put_u64(file, "seed", spec->seed);
	put_text(file, "law", schedule_law_name[spec->law]);
	put_text(file, "arrival", open ? schedule_arrival_name[spec->arrival] : "closed");
	put_text(file, "transport", options->ring ? "ring" : options->udp ? "udp" : "tcp");
	put_u64(file, "connections", traffic->nr_channels);
	put_u64(file, "records", spec->records);
	put_u64(file, "requests", options->requests);
	put_u64(file, "warmup", options->warmup);
	fprintf(file, open ? " \"window\": null,\n" : " \"window\": %u,\n", options->window);
	put_double(file, "offered_rps", open ? &spec->rate : NULL);
	put_double(file, "scheduled_rps", open ? &result->scheduled_rps : NULL);
	put_double(file, "achieved_rps", &result->achieved_rps);
	put_double(file, "capacity_rps", open ? NULL : &result->achieved_rps);
	put_u64(file, "duration_ns", result->end_ns - result->start_ns);
	put_u64(file, "sent", result->sent);
	put_u64(file, "received", result->received);
	put_u64(file, "lost", result->lost);
	put_u64(file, "errors", result->errors);
	put_u64(file, "hits", result->hits);
	put_u64(file, "misses", result->misses);
	put_u64(file, "gets", result->gets);
	put_u64(file, "sets", result->sets);
	fprintf(file, " \"schedule_fnv64\": \"%016" PRIx64 "\",\n", traffic->plan->schedule.fnv64);
	if (open) {
		put_late(file, &result->hist[RESULT_LATE]);
		put_hist(file, "intended", &result->hist[RESULT_INTENDED]);
	} else {
		fprintf(file, " \"late\": null,\n \"intended\": null,\n");
	}
	put_hist(file, "service", &result->hist[RESULT_SERVICE]);
	put_u64(file, "warmup_discarded", result->warmup_discarded);
	if (open) {
		put_slowest(file, traffic, options->warmup);
		put_clocks(file, traffic);
	}
	if (options->cpu < 0)
		fprintf(file, " \"generator_cpu\": null,\n");
	else
		put_u64(file, "generator_cpu", (uint64_t)options->cpu);
	fprintf(file, " \"memory_locked\": %s,\n", locked ? "true" : "false");
	put_text(file, "clock", "CLOCK_MONOTONIC");
	fprintf(file, " \"unit\": \"ns\"\n}\n");
}

static FILE *open_file(const char *prefix, const char *suffix)
{
	char *path;
	FILE *file;

	if (asprintf(&path, "%s%s", prefix, suffix) < 0)
		fail(FAIL_MEASUREMENT, "out of memory");
	file = fopen(path, "w");
	if (!file)
		fail(FAIL_MEASUREMENT, "cannot write %s: %s", path, strerror(errno));
	free(path);
	return file;
}

static void close_file(FILE *file, const char *prefix)
{
	bool bad = ferror(file);

	if (fclose(file) || bad)
		fail(FAIL_MEASUREMENT, "cannot write the results to %s.*: %s", prefix,
		     strerror(errno));
}

/* Measured requests by the interval in which their reply came. */
struct bins {
	uint64_t nr, length_ns;
	uint64_t *end;		/* bin b is order[b ? end[b - 1] : 0 .. end[b]) */
	uint32_t *order;
};

static uint64_t bin_of(const struct bins *bins, const struct traffic *traffic,
		       const struct result *result, uint64_t i)
{
	uint64_t done = traffic->stamp[i].done;

	return done > result->start_ns ? (done - result->start_ns) / bins->length_ns : 0;
}

/* Counting sort, so that a million requests cost two passes. */
static void bins_make(struct bins *bins, const struct load_options *options,
		      const struct traffic *traffic, const struct result *result)
{
	uint64_t i, b, n = 0, count = traffic->plan->count;

	bins->length_ns = options->interval_ms * 1000000ull;
	bins->nr = (result->end_ns - result->start_ns) / bins->length_ns + 1;
	bins->end = calloc(bins->nr, sizeof(*bins->end));
	bins->order = calloc(count, sizeof(*bins->order));
	if (!bins->end || !bins->order)
		fail(FAIL_MEASUREMENT, "out of memory for the interval log: raise --interval-ms");
	for (i = options->warmup; i < count; i++)
		if (traffic->stamp[i].done)
			bins->end[bin_of(bins, traffic, result, i)]++;
	for (b = 0; b < bins->nr; b++) {
		uint64_t size = bins->end[b];

		bins->end[b] = n;
		n += size;
	}
	for (i = options->warmup; i < count; i++)
		if (traffic->stamp[i].done)
			bins->order[bins->end[bin_of(bins, traffic, result, i)]++] = (uint32_t)i;
}

static void put_interval(FILE *file, const char *tag, double start_s, double length_s,
			 const struct hist *hist)
{
	if (hdrlog_interval(file, tag, start_s, length_s, hist))
		fail(FAIL_MEASUREMENT, "out of memory for the interval log");
}

/* In parts of as many requests each: whether it was long enough is seen in them. */
static void put_warmup(FILE *file, const struct traffic *traffic, uint64_t warmup)
{
	const struct schedule_request *request = traffic->plan->schedule.request;
	uint64_t p, parts = warmup / WARMUP_LEAST;
	static struct hist hist;

	if (parts > WARMUP_PARTS)
		parts = WARMUP_PARTS;
	if (!parts && warmup)
		parts = 1;
	for (p = 0; p < parts; p++) {
		uint64_t i, first = warmup * p / parts, end = warmup * (p + 1) / parts;

		hist_reset(&hist);
		for (i = first; i < end; i++)
			if (traffic->stamp[i].done)
				hist_record(&hist, result_latency(traffic, i, RESULT_INTENDED));
		put_interval(file, "warmup",
			     (double)(request[first].at_ns - request[0].at_ns) / 1e9,
			     (double)(request[end].at_ns - request[first].at_ns) / 1e9, &hist);
	}
}

/* base_s: when the measured part begins, in the time of the log. */
static void put_intervals(FILE *file, const struct bins *bins, const struct traffic *traffic,
			  const struct result *result, bool closed, double base_s)
{
	double duration = (double)(result->end_ns - result->start_ns) / 1e9;
	double length = (double)bins->length_ns / 1e9;
	static struct hist hist;
	uint64_t b, j, first = 0;

	for (b = 0; b < bins->nr; b++) {
		double start = (double)b * length;
		int kind;

		for (kind = closed ? RESULT_SERVICE : 0;
		     kind < (closed ? RESULT_LATE : RESULT_KINDS); kind++) {
			hist_reset(&hist);
			for (j = first; j < bins->end[b]; j++)
				hist_record(&hist, result_latency(traffic, bins->order[j], kind));
			put_interval(file, result_kind_name[kind], base_s + start,
				     b + 1 < bins->nr ? length : duration - start, &hist);
		}
		first = bins->end[b];
	}
}

static void output_hlog(const struct load_options *options, const struct traffic *traffic,
			const struct result *result)
{
	bool closed = options->mode != MODE_RUN;
	FILE *file = open_file(options->out, ".hlog");
	uint64_t now = clock_ns(), wall = clock_read(CLOCK_REALTIME);
	uint64_t base = closed ? result->start_ns : traffic->plan->schedule.request[0].at_ns;
	struct bins bins;

	hdrlog_header(file, "kv-load, values in ns, binned by the time of the reply; "
		      "warmup by number",
		      (double)(wall - (now - traffic->start_ns - base)) / 1e9);
	if (!closed)
		put_warmup(file, traffic, options->warmup);
	bins_make(&bins, options, traffic, result);
	put_intervals(file, &bins, traffic, result, closed,
		      (double)(result->start_ns - base) / 1e9);
	free(bins.end);
	free(bins.order);
	close_file(file, options->out);
}

void output_files(const struct load_options *options, const struct traffic *traffic,
		  const struct result *result, bool locked)
{
	FILE *file;

	output_hlog(options, traffic, result);
	if (options->mode == MODE_RUN) {
		file = open_file(options->out, ".hgrm");
		hdrlog_percentiles(file, &result->hist[RESULT_INTENDED]);
		close_file(file, options->out);
	}
	file = open_file(options->out, ".service.hgrm");
	hdrlog_percentiles(file, &result->hist[RESULT_SERVICE]);
	close_file(file, options->out);
	/* The summary last: whoever finds it finds the rest complete. */
	file = open_file(options->out, ".json");
	output_json(file, options, traffic, result, locked);
	close_file(file, options->out);
}
