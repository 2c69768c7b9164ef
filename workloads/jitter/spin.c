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

/* Until end; the number of turns. The least of them goes to *least. */
static uint64_t turn(struct spin *spin, uint64_t begin, uint64_t end, uint64_t threshold,
		     uint64_t *least)
{
	uint64_t before = begin, now, turns = 0;

	do {
		now = ticks();
		turns++;
		if (__builtin_expect(now - before > threshold, 0)) {
			note(spin, before - begin, now - before);
			now = ticks(); /* what noting takes is not the CPU's fault */
		} else if (now - before < *least) {
			*least = now - before;
		}
		before = now;
	} while (now < end);
	spin->ticks = now - begin;
	return turns;
}

void spin_run(struct spin *spin, const struct options *options)
{
	uint64_t least = UINT64_MAX, begin = ticks(), settling;

	/* What a core does once, when the last other task has left it, is not its steady state. */
	memset(spin, 0, sizeof(*spin));
	turn(spin, begin, begin + options->warmup, options->threshold, &least);
	settling = spin->found;
	memset(spin, 0, sizeof(*spin));
	spin->settling = settling;
	begin = ticks();
	spin->begin = begin;
	spin->turns = turn(spin, begin, begin + options->duration, options->threshold, &least);
	spin->least = least;
	/* An interrupted turn would have taken that anyway. */
	spin->lost -= spin->found * least;
}
