/* SPDX-License-Identifier: MIT */
/*
 * Log-linear histogram with HdrHistogram's bucket layout.
 *
 * Fixed everywhere in the project: lowest value 1, highest 2^40, three
 * significant digits. Values below 2048 have a bucket each; above, every
 * power of two is divided into 1024 buckets, so a bucket is never wider than
 * 0.1 % of its value. Larger values are counted as overflow and kept out of
 * the buckets; a run with overflow is not a result. Minimum, maximum, mean
 * and standard deviation are exact, kept beside the buckets.
 *
 * Percentile p of n values: the upper edge of the lowest bucket at which the
 * cumulated count reaches ceil(p * n).
 */
#ifndef LIB_HIST_H
#define LIB_HIST_H

#include <stdbool.h>
#include <stdint.h>

#define HIST_SIGNIFICANT_DIGITS 3
#define HIST_LOWEST 1ull
#define HIST_HIGHEST (1ull << 40)
#define HIST_SUB_BUCKETS 2048u
#define HIST_HALF (HIST_SUB_BUCKETS / 2)
#define HIST_BUCKETS 31u
#define HIST_SLOTS ((HIST_BUCKETS + 1) * HIST_HALF)

struct hist {
	uint64_t n;		/* recorded values, overflow not included */
	uint64_t overflow;
	uint64_t min, max;	/* exact; min > max when empty */
	unsigned __int128 sum;
	unsigned __int128 sum_squares;
	uint64_t count[HIST_SLOTS];
};

void hist_reset(struct hist *hist);

/* False when the value was too large and only counted as overflow. */
bool hist_record(struct hist *hist, uint64_t value);

void hist_merge(struct hist *into, const struct hist *from);

unsigned int hist_slot(uint64_t value);
uint64_t hist_slot_low(unsigned int slot);
uint64_t hist_slot_high(unsigned int slot);

double hist_mean(const struct hist *hist);

/* Population standard deviation (divides by n, as HdrHistogram does). */
double hist_stddev(const struct hist *hist);

/* numerator/denominator is p in (0, 1]; 0 for an empty histogram. */
uint64_t hist_percentile(const struct hist *hist, uint64_t numerator,
			 uint64_t denominator);

#endif
