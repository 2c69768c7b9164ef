/* SPDX-License-Identifier: MIT */
/*
 * The requests of a run, all computed from a seed before it starts: when
 * each is due, what it asks for, and how long its key and value are.
 *
 * Laws:
 *   usr  key 19 B, value 2 B, SET 0.2 %, keys uniform over the records
 *   etc  key length GEV(30.7984, 8.20449, 0.078688); value length by a table
 *        of 15 small sizes, else GPareto(15, 214.476, 0.348238); SET 3.3 %
 * Arrivals at rate r (requests per second):
 *   poisson  exponential gaps of mean 1/r
 *   fixed    request i is due at i/r
 *   etc      gaps GPareto(0, 16.0292, 0.154971), scaled to mean 1/r
 *
 * A record's key length, value length and contents are functions of (seed,
 * record number) alone: a SET writes what the record held before, so every
 * reply can be checked byte for byte whatever the order of execution, and
 * the sizes over records (and over requests, keys being uniform) follow the
 * law. Keys are the record number in decimal, padded with zeros to the
 * record's key length. Lengths are truncated (values) or rounded (keys) to
 * integers and clipped to [digits(records), 250] and [0, 1000000].
 */
#ifndef LIB_SCHEDULE_H
#define LIB_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>

#define SCHEDULE_KEY_MAX 250
#define SCHEDULE_VALUE_MAX 1000000

enum schedule_law { LAW_USR, LAW_ETC, LAW_COUNT };
enum schedule_arrival { ARRIVAL_POISSON, ARRIVAL_FIXED, ARRIVAL_ETC, ARRIVAL_COUNT };
enum schedule_op { OP_GET, OP_SET };

extern const char *const schedule_law_name[LAW_COUNT];
extern const char *const schedule_arrival_name[ARRIVAL_COUNT];

struct schedule_spec {
	uint64_t seed;
	enum schedule_law law;
	enum schedule_arrival arrival;
	double rate;		/* requests per second, > 0 */
	uint64_t count;		/* requests, warm-up included */
	uint32_t records;	/* > 0 */
};

struct schedule_request {
	uint64_t at_ns;		/* due, after the start of the run */
	uint32_t record;
	uint32_t value_len;
	uint8_t key_len;
	uint8_t op;
};

struct schedule {
	struct schedule_spec spec;
	struct schedule_request *request;
	/*
	 * FNV-1a 64 over, for each request, little endian: at_ns (8 bytes),
	 * record (4), value_len (4), key_len (1), op (1).
	 */
	uint64_t fnv64;
};

/* 0, or -1 when out of memory. */
int schedule_make(struct schedule *schedule, const struct schedule_spec *spec);
void schedule_free(struct schedule *schedule);

unsigned int schedule_key_len(const struct schedule_spec *spec, uint32_t record);
uint32_t schedule_value_len(const struct schedule_spec *spec, uint32_t record);

/* Writes exactly key_len characters, no terminator. */
void schedule_key(char *key, unsigned int key_len, uint32_t record);

/*
 * Values are cut from one repeating text: record r's value starts at
 * text[schedule_value_start(r)]. The text must be value_len +
 * SCHEDULE_TEXT_PERIOD long.
 */
#define SCHEDULE_TEXT_PERIOD 61
void schedule_text(char *text, size_t size);
static inline unsigned int schedule_value_start(uint32_t record)
{
	return record % SCHEDULE_TEXT_PERIOD;
}

#endif
