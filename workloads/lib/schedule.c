// SPDX-License-Identifier: MIT
/* Drawing arrivals, records and sizes from their laws. */
#include "lib/schedule.h"

#include <stdlib.h>

#include "lib/dist.h"
#include "lib/fnv.h"
#include "lib/rng.h"

/* Streams of the seed: one per quantity, so that they never disturb each other. */
enum { STREAM_ARRIVAL = 1, STREAM_RECORD, STREAM_OP, STREAM_KEY_LEN, STREAM_VALUE_LEN };

const char *const schedule_law_name[LAW_COUNT] = { "usr", "etc" };
const char *const schedule_arrival_name[ARRIVAL_COUNT] = { "poisson", "fixed", "etc" };

#define USR_KEY_LEN 19
#define USR_VALUE_LEN 2
static const double set_fraction[LAW_COUNT] = { 0.002, 0.033 };

#define ETC_GAP_SCALE 16.0292
#define ETC_GAP_SHAPE 0.154971

static const struct dist_point etc_small_values[] = {
	{ .00536, 0 },	{ .00047, 1 },	{ .17820, 2 },	{ .09239, 3 },	{ .00018, 4 },
	{ .02740, 5 },	{ .00065, 6 },	{ .00606, 7 },	{ .00023, 8 },	{ .00837, 9 },
	{ .00837, 10 }, { .08989, 11 }, { .00092, 12 }, { .00326, 13 }, { .01980, 14 },
};

/* A uniform number that belongs to one record, whatever was drawn before. */
static double record_unit(uint64_t seed, int stream, uint32_t record)
{
	uint64_t state = seed ^ ((uint64_t)stream << 56);

	state = rng_splitmix64(&state) + record;
	return rng_unit_of(rng_splitmix64(&state));
}

static unsigned int decimal_digits(uint32_t value)
{
	unsigned int n = 1;

	while (value >= 10) {
		value /= 10;
		n++;
	}
	return n;
}

unsigned int schedule_key_len(const struct schedule_spec *spec, uint32_t record)
{
	unsigned int least = decimal_digits(spec->records - 1);
	double len;

	if (spec->law == LAW_USR)
		return USR_KEY_LEN;
	len = dist_gev(record_unit(spec->seed, STREAM_KEY_LEN, record), 30.7984, 8.20449,
		       0.078688) + 0.5;
	if (len < least)
		return least;
	return len > SCHEDULE_KEY_MAX ? SCHEDULE_KEY_MAX : (unsigned int)len;
}

uint32_t schedule_value_len(const struct schedule_spec *spec, uint32_t record)
{
	double u, len;

	if (spec->law == LAW_USR)
		return USR_VALUE_LEN;
	u = record_unit(spec->seed, STREAM_VALUE_LEN, record);
	if (!dist_discrete(u, etc_small_values,
			   sizeof(etc_small_values) / sizeof(etc_small_values[0]), &len, &u))
		len = dist_gpareto(u, 15.0, 214.476, 0.348238);
	return len > SCHEDULE_VALUE_MAX ? SCHEDULE_VALUE_MAX : (uint32_t)len;
}

void schedule_key(char *key, unsigned int key_len, uint32_t record)
{
	while (key_len--) {
		key[key_len] = (char)('0' + record % 10);
		record /= 10;
	}
}

void schedule_text(char *text, size_t size)
{
	static const char alphabet[SCHEDULE_TEXT_PERIOD + 1] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ012345678";
	size_t i;

	for (i = 0; i < size; i++)
		text[i] = alphabet[i % SCHEDULE_TEXT_PERIOD];
}

static double next_gap(const struct schedule_spec *spec, struct rng *rng)
{
	double mean = 1e9 / spec->rate;

	if (spec->arrival == ARRIVAL_POISSON)
		return dist_exponential(rng_unit(rng), mean);
	return dist_gpareto(rng_unit(rng), 0.0, ETC_GAP_SCALE, ETC_GAP_SHAPE) * mean /
	       dist_gpareto_mean(0.0, ETC_GAP_SCALE, ETC_GAP_SHAPE);
}

int schedule_make(struct schedule *schedule, const struct schedule_spec *spec)
{
	struct rng arrival, record, op;
	uint64_t i, hash = FNV64_START;
	double at = 0.0;

	schedule->spec = *spec;
	schedule->request = calloc(spec->count ? spec->count : 1, sizeof(*schedule->request));
	if (!schedule->request)
		return -1;
	rng_init(&arrival, spec->seed, STREAM_ARRIVAL);
	rng_init(&record, spec->seed, STREAM_RECORD);
	rng_init(&op, spec->seed, STREAM_OP);
	for (i = 0; i < spec->count; i++) {
		struct schedule_request *r = &schedule->request[i];

		if (spec->arrival == ARRIVAL_FIXED)
			at = (double)i * (1e9 / spec->rate);
		else
			at += next_gap(spec, &arrival);
		r->at_ns = (uint64_t)(at + 0.5);
		r->record = (uint32_t)rng_below(&record, spec->records);
		r->op = rng_unit(&op) <= set_fraction[spec->law] ? OP_SET : OP_GET;
		r->key_len = (uint8_t)schedule_key_len(spec, r->record);
		r->value_len = schedule_value_len(spec, r->record);
		hash = fnv64_feed(hash, r->at_ns, 8);
		hash = fnv64_feed(hash, r->record, 4);
		hash = fnv64_feed(hash, r->value_len, 4);
		hash = fnv64_feed(hash, r->key_len, 1);
		hash = fnv64_feed(hash, r->op, 1);
	}
	schedule->fnv64 = hash;
	return 0;
}

void schedule_free(struct schedule *schedule)
{
	free(schedule->request);
	schedule->request = NULL;
}
