// SPDX-License-Identifier: MIT
/* A loop that does nothing but look at the clock: whatever else the CPU did shows as a gap. */
#include "jitter/jitter.h"

#include <string.h>

static inline uint64_t ticks(void)
{
	return __builtin_ia32_rdtsc();
}

static void note(struct spin *spin, uint64_t at, uint64_t gap)
{
	if (spin->found < GAPS_MAX)
		spin->gap[spin->found] = (struct gap){ at, gap };
	spin->found++;
	spin->lost += gap;
}

void spin_run(struct spin *spin, const struct options *options)
{
	uint64_t begin, end, before, now, turns = 0, least = UINT64_MAX;
	const uint64_t threshold = options->threshold;

	memset(spin, 0, sizeof(*spin));
	begin = before = ticks();
	end = begin + options->duration;
	do {
		now = ticks();
		turns++;
		if (__builtin_expect(now - before > threshold, 0)) {
			note(spin, before - begin, now - before);
			now = ticks(); /* what noting takes is not the CPU's fault */
		} else if (now - before < least) {
			least = now - before;
		}
		before = now;
	} while (now < end);
	spin->ticks = now - begin;
	spin->turns = turns;
	spin->least = least;
	/* An interrupted turn would have taken that anyway. */
	spin->lost -= spin->found * least;
}
