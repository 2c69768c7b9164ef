/* SPDX-License-Identifier: MIT */
/* One measurement: batches of the same operation, each timed as a whole by the TSC. */
#ifndef MICRO_SERIES_H
#define MICRO_SERIES_H

#include <stdbool.h>
#include <stdint.h>

#define BATCHES_MAX 64
#define PAGE 4096ul
/* Pages touched in a batch: what one page table maps, so that each batch makes one. */
#define BATCH_PAGES 512ul
#define BATCH_BYTES (BATCH_PAGES * PAGE)

/* How much to measure; one more batch goes first and is not counted. */
struct plan {
	unsigned int batches;    /* 1 .. BATCHES_MAX */
	unsigned int iterations; /* operations in a batch, where they are not pages */
	const char *only;	 /* the one series wanted, or NULL for all */
	bool all;		 /* also those that take long */
};

#define LARGE_PAGE (2ul << 20)
#define BATCH_LARGE_PAGES 2ul

/* Ticks of each batch; the same loop without the operation is `empty`. */
struct series {
	unsigned int batches, iterations;
	uint64_t ticks[BATCHES_MAX], empty[BATCHES_MAX];
};

static inline uint64_t ticks_read(void)
{
	uint32_t low, high;

	asm volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/*
 * Run `operation` iterations times a batch; the batches' ticks, the first (the
 * warm-up) left out, go to out[]. `operation` sees the loop's counter i and the
 * batch's number b.
 */
#define SERIES_RUN(out, nbatches, niterations, operation)                       \
	for (uint64_t b = 0, start_; b <= (nbatches); b++) {                    \
		start_ = ticks_read();                                          \
		for (uint64_t i = 0; i < (niterations); i++)                    \
			operation;                                              \
		start_ = ticks_read() - start_;                                 \
		if (b)                                                          \
			(out)[b - 1] = start_;                                  \
	}

/* What an empty loop must not be optimised to. */
#define NOTHING asm volatile("" ::: "memory")
/* Store one byte into page i of batch b of an area. */
#define TOUCH(area)                                                             \
	asm volatile("movb $1, (%0)"                                            \
		     ::"r"((area) + (b * BATCH_PAGES + i) * PAGE) : "memory")

#define TOUCH_LARGE(area)                                                       \
	asm volatile("movb $1, (%0)"                                            \
		     ::"r"((area) + (b * BATCH_LARGE_PAGES + i) * LARGE_PAGE) : "memory")

/* Whether the series of that name shall be measured. */
bool series_wanted(const struct plan *plan, const char *name);
/* Print it as a line: NAME iterations N ticks T... empty T... */
void series_print(const char *name, const struct series *series);

/* Bytes of an area with a page for every touch of the plan. */
static inline uint64_t area_bytes(const struct plan *plan)
{
	return (plan->batches + 1) * BATCH_BYTES;
}

static inline uint64_t area_large_bytes(const struct plan *plan)
{
	return (plan->batches + 1) * BATCH_LARGE_PAGES * LARGE_PAGE;
}

#endif
