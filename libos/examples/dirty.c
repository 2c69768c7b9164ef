// SPDX-License-Identifier: MIT
/* Dirty tracking: which pages a piece of work writes, round by round, without a single fault. */
#include <dune.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096ul
#define PAGES 256ul

static char *heap;

/* The pages that were written since it was called last. */
static long take(uint64_t *bitmap)
{
	return dune_vm_bits_take(DUNE_ROOT_CURRENT, heap, PAGES * PAGE, DUNE_PTE_DIRTY, bitmap);
}

static void round_of(const char *work, size_t first, size_t step)
{
	uint64_t dirty[PAGES / 64];
	size_t page, wrong = 0;
	long count;

	for (page = first; page < PAGES; page += step)
		memset(heap + page * PAGE, 1, 100);
	count = take(dirty);
	for (page = 0; page < PAGES; page++)
		wrong += (dirty[page / 64] >> page % 64 & 1) != (page >= first && page % step == 0);
	printf("%s: %ld of %zu pages are dirty%s\n", work, count, (size_t)PAGES,
	       wrong ? ", and not those" : "");
}

int main(void)
{
	int error = dune_init(NULL);

	heap = aligned_alloc(PAGE, PAGES * PAGE);
	if (!error)
		error = dune_enter();
	if (error || !heap) {
		fprintf(stderr, "cannot enter Dune mode: %s\n", strerror(-error));
		return 1;
	}
	take(NULL); /* from now on */
	round_of("every page", 0, 1);
	round_of("every eighth page", 0, 8);
	round_of("no page", PAGES, 1);
	return dune_leave();
}
