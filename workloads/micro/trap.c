// SPDX-License-Identifier: MIT
/*
 * Exceptions that a program wants: the way to its handler, the whole round, and the two
 * sequences of Appel and Li (ASPLOS 1991) over 100 pages: protect one, trap, unprotect;
 * protect all, trap on each, unprotect it.
 */
#include "micro/trap.h"

#include <stdio.h>
#include <stdlib.h>

#include "micro/area.h"

#define APPEL_PAGES 100ul
#define STORE_BYTES 3
#define STORE(at) asm volatile("movb $1, (%%rax)" ::"a"(at) : "memory")

static struct {
	protect_fn protect;
	bool skip; /* the handler goes behind the store, else it allows it */
	uint64_t start, sum, count;
} traps;

void trap_taken(uint64_t now, uintptr_t address, uint64_t *rip)
{
	traps.sum += now - traps.start;
	traps.count++;
	if (traps.skip)
		*rip += STORE_BYTES;
	else
		traps.protect((char *)(address & ~(PAGE - 1)), PAGE, true);
}

/* From the store to the handler's first instruction. */
static void trap_series(struct series *s, char *page)
{
	for (unsigned int b = 0; b <= s->batches; b++) {
		traps.sum = 0;
		for (unsigned int i = 0; i < s->iterations; i++) {
			traps.start = ticks_read();
			STORE(page);
		}
		if (b)
			s->ticks[b - 1] = traps.sum;
		traps.sum = 0;
		for (unsigned int i = 0; i < s->iterations; i++) {
			traps.start = ticks_read();
			traps.sum += ticks_read() - traps.start;
		}
		if (b)
			s->empty[b - 1] = traps.sum;
	}
}

/* The i-th of the pages, in an order without a pattern: 37 and 100 have no common divisor. */
static char *appel_page(char *area, uint64_t i)
{
	return area + i * 37 % APPEL_PAGES * PAGE;
}

static void appel1_step(char *page)
{
	traps.protect(page, PAGE, false);
	STORE(page);
}

static void appel2_step(char *area, uint64_t i)
{
	if (i == 0)
		traps.protect(area, APPEL_PAGES * PAGE, false);
	STORE(appel_page(area, i));
}

static void counted(const char *what, uint64_t expected)
{
	if (traps.count == expected)
		return;
	fprintf(stderr, "micro: %s: %lu traps, not %lu\n", what, traps.count, expected);
	exit(3);
}

static bool named(const struct plan *plan, const char *who, const char *what, char name[40])
{
	snprintf(name, 40, "%s.%s", who, what);
	traps.count = 0;
	return series_wanted(plan, name);
}

static void traps_alone(const struct plan *plan, const char *who, char *area)
{
	struct series s = { plan->batches, plan->iterations, { 0 }, { 0 } };
	uint64_t all = (plan->batches + 1ul) * plan->iterations;
	char name[40];

	traps.skip = true;
	traps.protect(area, PAGE, false);
	if (named(plan, who, "trap", name)) {
		trap_series(&s, area);
		counted(name, all);
		series_print(name, &s);
	}
	if (named(plan, who, "trap_round", name)) {
		SERIES_RUN(s.empty, s.batches, s.iterations, NOTHING);
		SERIES_RUN(s.ticks, s.batches, s.iterations, STORE(area));
		counted(name, all);
		series_print(name, &s);
	}
	traps.protect(area, PAGE, true);
}

static void appel(const struct plan *plan, const char *who, char *area)
{
	struct series s = { plan->batches, APPEL_PAGES, { 0 }, { 0 } };
	uint64_t all = (plan->batches + 1ul) * APPEL_PAGES;
	char name[40];

	traps.skip = false;
	SERIES_RUN(s.empty, s.batches, s.iterations, STORE(appel_page(area, i)));
	if (named(plan, who, "appel1", name)) {
		SERIES_RUN(s.ticks, s.batches, s.iterations, appel1_step(appel_page(area, i)));
		counted(name, all);
		series_print(name, &s);
	}
	if (named(plan, who, "appel2", name)) {
		SERIES_RUN(s.ticks, s.batches, s.iterations, appel2_step(area, i));
		counted(name, all);
		series_print(name, &s);
	}
}

void group_traps(const struct plan *plan, const char *who, protect_fn protect)
{
	char *area = area_map(0, APPEL_PAGES * PAGE);

	traps.protect = protect;
	for (uint64_t i = 0; i < APPEL_PAGES; i++)
		area[i * PAGE] = 1;
	traps_alone(plan, who, area);
	appel(plan, who, area);
	area_unmap(area, APPEL_PAGES * PAGE);
}
