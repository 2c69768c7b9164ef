// SPDX-License-Identifier: MIT
/* Recording into, merging and reading the log-linear histogram. */
#include "lib/hist.h"

#include <string.h>

void hist_reset(struct hist *hist)
{
	memset(hist, 0, sizeof(*hist));
	hist->min = UINT64_MAX;
}

/* Bucket b >= 1 holds [1024 << b, 2048 << b) in 1024 slots of width 1 << b. */
unsigned int hist_slot(uint64_t value)
{
	unsigned int b = 53 - (unsigned int)__builtin_clzll(value | (HIST_SUB_BUCKETS - 1));

	return b * HIST_HALF + (unsigned int)(value >> b);
}

static unsigned int slot_bucket(unsigned int slot)
{
	return slot < HIST_SUB_BUCKETS ? 0 : slot / HIST_HALF - 1;
}

uint64_t hist_slot_low(unsigned int slot)
{
	unsigned int b = slot_bucket(slot);

	return (uint64_t)(slot - b * HIST_HALF) << b;
}

uint64_t hist_slot_high(unsigned int slot)
{
	return hist_slot_low(slot) + (1ull << slot_bucket(slot)) - 1;
}

bool hist_record(struct hist *hist, uint64_t value)
{
	if (value > HIST_HIGHEST) {
		hist->overflow++;
		return false;
	}
	hist->count[hist_slot(value)]++;
	hist->n++;
	hist->sum += value;
	hist->sum_squares += (unsigned __int128)value * value;
	if (value < hist->min)
		hist->min = value;
	if (value > hist->max)
		hist->max = value;
	return true;
}

void hist_merge(struct hist *into, const struct hist *from)
{
	unsigned int i;

	for (i = 0; i < HIST_SLOTS; i++)
		into->count[i] += from->count[i];
	into->n += from->n;
	into->overflow += from->overflow;
	into->sum += from->sum;
	into->sum_squares += from->sum_squares;
	if (from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
}

double hist_mean(const struct hist *hist)
{
	return hist->n ? (double)hist->sum / (double)hist->n : 0.0;
}

double hist_stddev(const struct hist *hist)
{
	unsigned __int128 n = hist->n, whole;
	double x, root;
	int i;

	if (n < 2)
		return 0.0;
	/* n * sum_squares - sum^2 would overflow; centre on the integer mean. */
	whole = hist->sum / n;
	x = (double)(hist->sum_squares - 2 * whole * hist->sum + n * whole * whole) / (double)n;
	root = (double)(hist->sum - whole * n) / (double)n;
	x -= root * root;
	if (x <= 0.0)
		return 0.0;
	/* Newton from above: no libm, and the same bits everywhere. */
	root = x > 1.0 ? x : 1.0;
	for (i = 0; i < 200; i++) {
		double next = 0.5 * (root + x / root);

		if (next >= root)
			break;
		root = next;
	}
	return root;
}

uint64_t hist_percentile(const struct hist *hist, uint64_t numerator,
			 uint64_t denominator)
{
	unsigned __int128 product = (unsigned __int128)hist->n * numerator;
	uint64_t rank = (uint64_t)((product + denominator - 1) / denominator);
	uint64_t cumulated = 0;
	unsigned int i;

	if (!hist->n)
		return 0;
	if (!rank)
		rank = 1;
	for (i = 0; i < HIST_SLOTS; i++) {
		cumulated += hist->count[i];
		if (cumulated >= rank)
			return hist_slot_high(i);
	}
	return hist->max;
}
