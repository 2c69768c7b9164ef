// SPDX-License-Identifier: MIT
/* Accessed and dirty bits of a range. */
#include <errno.h>

#include <dune/walk.h>

#include "../thread.h"
#include "paging.h"

#define CHUNK LEVEL_SIZE(2) /* under the lock at a time */

struct bits {
	uint64_t bits;
	bool take;
	uint64_t *map;
	size_t page; /* the next one's number */
	long count;
};

static void count(struct bits *bits, uintptr_t pages, bool set)
{
	for (; pages; pages--, bits->page++) {
		uint64_t bit = 1ull << bits->page % 64;

		bits->count += set;
		if (bits->map && set)
			bits->map[bits->page / 64] |= bit;
		else if (bits->map)
			bits->map[bits->page / 64] &= ~bit;
	}
}

/* What the entries from *a on say, as far as one table goes. Under the lock. */
static int look_at_some(struct root *root, struct bits *bits, uintptr_t *a, uintptr_t end)
{
	uint64_t *entry;
	int level, error;

	entry = entry_find(root, *a, &level);
	if (bits->take && *entry && level > 1) {
		level = 1;
		error = entry_make(root, *a, &level, &entry);
		if (error)
			return error;
	}
	do {
		uintptr_t next = (*a | (LEVEL_SIZE(level) - 1)) + 1;
		uint64_t value = __atomic_load_n(entry, __ATOMIC_RELAXED);

		if (next > end)
			next = end;
		if (bits->take && value & bits->bits)
			value = entry_change(entry, bits->bits, 0);
		count(bits, (next - *a) / PAGE, value & bits->bits);
		*a = next;
		entry++;
	} while (level == 1 && *a < end && *a & (LEVEL_SIZE(2) - 1));
	return 0;
}

static int each(int nr, uintptr_t a, size_t length, struct bits *bits)
{
	uintptr_t end = a + length;
	int error = range_check(a, length);

	if (error && (bits->take || error != -EBUSY))
		return error;
	if (!bits->bits || bits->bits & ~(PTE_ACCESSED | PTE_DIRTY))
		return -EINVAL;
	for (error = 0; a < end && !error;) {
		uintptr_t begin = a, chunk = (a | (CHUNK - 1)) + 1;
		struct section section;
		struct root *root;
		long before = bits->count;

		if (chunk > end)
			chunk = end;
		section_begin(&section, &paging.lock);
		root = root_get(nr);
		if (!root)
			error = -EINVAL;
		while (a < chunk && !error)
			error = look_at_some(root, bits, &a, chunk);
		if (bits->take && bits->count > before)
			root_changed(root, begin, a);
		section_end(&section, &paging.lock);
	}
	return error;
}

long dune_vm_bits_get(int root, const void *address, size_t length, uint64_t what,
		     uint64_t *bitmap)
{
	struct bits bits = { .bits = what, .map = bitmap };
	int error = each(root, (uintptr_t)address, length, &bits);

	return error ? error : bits.count;
}

long dune_vm_bits_take(int root, void *address, size_t length, uint64_t what, uint64_t *bitmap)
{
	struct bits bits = { .bits = what, .take = true, .map = bitmap };
	int error = each(root, (uintptr_t)address, length, &bits);
	int flushed = bits.count ? dune_vm_flush() : 0;

	if (error || flushed)
		return error ? error : flushed;
	return bits.count;
}
