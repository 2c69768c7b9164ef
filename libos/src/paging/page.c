// SPDX-License-Identifier: MIT
/* One page that has an entry of its own: what handlers of page faults edit all the time. */
#include "../thread.h"
#include "paging.h"

/* The entry of 4 KiB that maps it, NULL if larger ones or none do. */
static uint64_t *entry_of(const struct root *root, uintptr_t page)
{
	const char *from_gpa = paging.arena - paging.arena_gpa; /* once, not at each level */
	const uint64_t *table = root->table;
	int shift;

#pragma GCC unroll 3
	for (shift = 39; shift > 12; shift -= 9) {
		uint64_t value = __atomic_load_n(&table[page >> shift & (ENTRIES - 1)],
						 __ATOMIC_ACQUIRE);

		if (!entry_is_table(value, 4))
			return NULL;
		table = (const uint64_t *)(from_gpa + (value & PTE_ADDRESS));
	}
	return (uint64_t *)&table[page >> 12 & (ENTRIES - 1)];
}

/* Whether it is in what libdune needs: in its tables, or perhaps in its image, or a thread's. */
static bool is_own(uintptr_t page)
{
	return page - (uintptr_t)paging.arena < ARENA_SIZE ||
	       page - paging.image_start < paging.image_end - paging.image_start ||
	       block_find(page);
}

/* One bit for each right. */
static inline uint64_t rights(uint64_t entry)
{
	return (entry ^ PTE_NX) & PTE_PROT;
}

/* Without the lock: one atomic write, in a root that stays because its thread is in it. */
static bool change(struct dune_thread *thread, uintptr_t page, uint64_t bits)
{
	uint64_t *entry = entry_of(&paging.roots[thread->root], page), old;

	if (!entry || !*entry)
		return false;
	old = entry_change(entry, PTE_PROT, bits);
	page_changed(thread, page, rights(old) & ~rights(bits));
	return true;
}

bool page_protect(uintptr_t page, uint64_t bits)
{
	struct dune_thread *thread = thread_here();
	uint64_t flags;
	bool done;

	if (!thread || page & (PAGE - 1) || page >= USER_END || is_own(page))
		return false;
	flags = section_enter(thread); /* a signal's handler might leave the root */
	done = change(thread, page, bits);
	section_leave(thread, &done, flags);
	return done;
}
