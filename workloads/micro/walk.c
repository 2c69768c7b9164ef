// SPDX-License-Identifier: MIT
/*
 * What a miss of the TLB costs: a chase of pointers from page to page in an order without a
 * pattern, as long as there are pages, then again; less the same chase within one page.
 */
#include <stdio.h>
#include <stdlib.h>

#include "micro/area.h"
#include "micro/groups.h"

#define STEPS 4096
#define LINE 64ul
#define LARGE_PAGES 16384u

/* As many as the smallest TLB has, a large one, and far more. */
static const unsigned int sizes[] = { 32, 256, 1024, 4096, 16384 };

/* The pointer of a page is in another line of it than its neighbour's: caches have sets. */
static void **pointer_of(char *area, unsigned int page)
{
	return (void **)(area + page * PAGE + page % (PAGE / LINE) * LINE);
}

/* One cycle through all pages, the same each time. */
static void link_pages(char *area, unsigned int n)
{
	unsigned int *order = malloc(n * sizeof(*order));
	uint64_t random = 88172645463325252ull;

	if (!order)
		give_up("memory");
	for (unsigned int i = 0; i < n; i++)
		order[i] = i;
	for (unsigned int i = n - 1; i; i--) {
		unsigned int other, page = order[i];

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		other = (unsigned int)(random % (i + 1));
		order[i] = order[other];
		order[other] = page;
	}
	for (unsigned int i = 0; i < n; i++)
		*pointer_of(area, order[i]) = pointer_of(area, order[(i + 1) % n]);
	free(order);
}

static void link_lines(char *page)
{
	for (unsigned long at = 0; at < PAGE; at += LINE)
		*(void **)(page + at) = page + (at + LINE) % PAGE;
}

static void chase(const struct plan *plan, void **from, uint64_t *ticks)
{
	SERIES_RUN(ticks, plan->batches, STEPS, asm volatile("mov (%0), %0" : "+r"(from)));
}

static void walk(const struct plan *plan, const char *name, char *area, unsigned int pages,
		 prepare_fn prepare)
{
	struct series s = { plan->batches, STEPS, { 0 }, { 0 } };
	char *page = area_map(AREA_MAX / 2, PAGE);

	link_pages(area, pages);
	link_lines(page);
	if (prepare)
		prepare(area, pages * PAGE);
	chase(plan, (void **)page, s.empty);
	chase(plan, pointer_of(area, 0), s.ticks);
	series_print(name, &s);
	area_unmap(page, PAGE);
}

void group_walks(const struct plan *plan, const char *who, prepare_fn prepare)
{
	char name[40], *area;

	snprintf(name, sizeof(name), "%s.walk_%upages_large", who, LARGE_PAGES);
	if (series_wanted(plan, name)) {
		area = area_map_large(LARGE_PAGES * PAGE);
		walk(plan, name, area, LARGE_PAGES, NULL);
		area_unmap(area, LARGE_PAGES * PAGE);
	}
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		snprintf(name, sizeof(name), "%s.walk_%upages", who, sizes[i]);
		if (!series_wanted(plan, name))
			continue;
		area = area_map(0, sizes[i] * PAGE);
		walk(plan, name, area, sizes[i], prepare);
		area_unmap(area, sizes[i] * PAGE);
	}
}
