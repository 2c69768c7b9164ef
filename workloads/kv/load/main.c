// SPDX-License-Identifier: MIT
/* The generator's modes, from preparing memory to the exit status. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "kv/load/fail.h"
#include "kv/load/options.h"
#include "kv/load/output.h"
#include "kv/load/pace.h"
#include "kv/load/place.h"
#include "kv/load/preload.h"

static void raise_file_limit(unsigned int connections)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= connections + 16)
		return;
	limit.rlim_cur = connections + 16;
	if (limit.rlim_max < limit.rlim_cur)
		limit.rlim_max = limit.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		fail(FAIL_USAGE, "--connections %u: more than the limit of open files allows",
		     connections);
}

static void print_schedule(const struct load_options *options)
{
	static const char *const op_name[] = { [OP_GET] = "get", [OP_SET] = "set" };
	char key[SCHEDULE_KEY_MAX];
	struct schedule schedule;
	uint64_t i;

	if (schedule_make(&schedule, &options->spec))
		fail(FAIL_MEASUREMENT, "out of memory for the schedule: lower --requests");
	printf("# kv-load schedule/1 law=%s arrival=%s rate=%.6f seed=%" PRIu64 " records=%u "
	       "warmup=%" PRIu64 " fnv64=%016" PRIx64 "\n# index at_ns op key value_bytes\n",
	       schedule_law_name[options->spec.law], schedule_arrival_name[options->spec.arrival],
	       options->spec.rate, options->spec.seed, options->spec.records, options->warmup,
	       schedule.fnv64);
	for (i = 0; i < options->spec.count; i++) {
		const struct schedule_request *r = &schedule.request[i];

		schedule_key(key, r->key_len, r->record);
		printf("%" PRIu64 " %" PRIu64 " %s %.*s %u\n", i, r->at_ns, op_name[r->op],
		       r->key_len, key, r->value_len);
	}
	schedule_free(&schedule);
}

static void check(const struct traffic *traffic, const struct result *result)
{
	uint64_t overflow = result->hist[RESULT_INTENDED].overflow +
			    result->hist[RESULT_SERVICE].overflow;

	if (traffic->trouble[0])
		fail(FAIL_MEASUREMENT, "%s", traffic->trouble);
	if (result->lost)
		fail(FAIL_MEASUREMENT, "%" PRIu64 " of %" PRIu64 " requests were never answered: "
		     "lower the load or raise --drain-ms", result->lost, traffic->plan->count);
	if (overflow)
		fail(FAIL_MEASUREMENT, "%" PRIu64 " latencies above 2^40 ns", overflow);
}

struct timed {
	const struct load_options *options;
	struct traffic *traffic;
	bool locked;
};

static void timed_part(void *arg)
{
	const struct timed *timed = arg;
	const struct load_options *options = timed->options;
	const uint64_t drain_ns = options->drain_ms * 1000000ull;

	if (!timed->locked || options->rt)
		traffic_prefault(timed->traffic);
	if (options->mode == MODE_CAPACITY)
		pace_closed(timed->traffic, options->window, drain_ns);
	else
		pace_open(timed->traffic, drain_ns);
}

static void measure(const struct load_options *options)
{
	bool closed = options->mode == MODE_CAPACITY;
	static struct result result;
	struct traffic traffic;
	struct timed timed = { options, &traffic, false };
	struct plan plan;
	bool locked;

	plan_make(&plan, &options->spec, options->udp, options->connections);
	if (options->ring)
		traffic_open_ring(&traffic, &plan, options->ring);
	else
		traffic_open(&traffic, &plan, options->udp, &options->target,
			     options->connections);
	/* Also takes every page now, so that the timed part has no page faults. */
	locked = !mlockall(MCL_CURRENT | MCL_FUTURE);
	timed.locked = locked;
	place_run(options, timed_part, &timed);
	if (locked)
		munlockall();
	result_make(&result, &traffic, options->warmup, closed);
	if (options->out)
		output_files(options, &traffic, &result, locked);
	else
		output_json(stdout, options, &traffic, &result, locked);
	fflush(stdout);
	check(&traffic, &result);
	traffic_close(&traffic);
	plan_free(&plan);
}

int main(int argc, char **argv)
{
	struct load_options options;

	options_parse(&options, argc, argv);
	place_init(&options);
	switch (options.mode) {
	case MODE_PRELOAD:
		preload(&options);
		break;
	case MODE_SCHEDULE:
		print_schedule(&options);
		break;
	case MODE_CAPACITY:
	case MODE_RUN:
		raise_file_limit(options.connections);
		measure(&options);
		break;
	}
	return 0;
}
