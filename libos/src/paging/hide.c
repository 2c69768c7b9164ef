// SPDX-License-Identifier: MIT
/* Of a program in ring 3, libdune's memory is none of its business: no user bit. */
#include "../block.h"
#include "../monitor.h"
#include "../thread.h"
#include "paging.h"

/* Under the lock. */
static int hide(struct root *root, uintptr_t from, uintptr_t to)
{
	uint64_t *entry;
	int error = 0, level = 1;

	for (; from < to && !error; from += LEVEL_SIZE(level)) {
		level = (from | to) & (LEVEL_SIZE(2) - 1) ? 1 : 2;
		error = entry_make(root, from, &level, &entry);
		if (!error)
			entry_change(entry, PTE_USER, 0);
	}
	return error;
}

static int hide_part(struct root *root, uintptr_t gib, uintptr_t from, uintptr_t to)
{
	if (from < gib)
		from = gib;
	if (to > gib + SLOT_SIZE)
		to = gib + SLOT_SIZE;
	return from < to ? hide(root, from, to) : 0;
}

int hide_in_gib(struct root *root, uintptr_t gib)
{
	uint64_t start, end;
	unsigned int i;
	int error = hide_part(root, gib, (uintptr_t)paging.arena,
			      (uintptr_t)paging.arena + ARENA_SIZE);

	monitor_image(&start, &end);
	if (!error)
		error = hide_part(root, gib, start, end);
	for (i = 0; !error && block_chunk(i, &start, &end); i++)
		error = hide_part(root, gib, start, end);
	return error;
}

bool paging_overlaps(uint64_t start, uint64_t end)
{
	return start < (uint64_t)paging.arena + ARENA_SIZE && (uint64_t)paging.arena < end;
}

int paging_hide(uint64_t start, uint64_t end)
{
	struct root *root = &paging.roots[DUNE_ROOT_DEFAULT];
	struct section section;
	int error;

	section_begin(&section, &paging.lock);
	/* Filled first: who fills it later hides nothing. */
	error = slot_touch(root, start);
	if (!error)
		error = slot_touch(root, end - 1);
	if (!error)
		error = hide(root, start, end);
	section_end(&section, &paging.lock);
	return error;
}
