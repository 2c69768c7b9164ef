// SPDX-License-Identifier: MIT
/* Address-space roots: made, entered, left, freed. */
#include <errno.h>

#include "../thread.h"
#include "paging.h"

#define CR3_NO_FLUSH (1ull << 63)
#define CR4_PCIDE (1ull << 17)

struct root *root_get(int nr)
{
	if (nr == DUNE_ROOT_CURRENT) {
		const struct dune_thread *thread = thread_here();

		nr = thread ? (int)thread->root : DUNE_ROOT_DEFAULT;
	}
	if (nr < 0 || nr >= DUNE_ROOTS_MAX || !paging.roots[nr].table)
		return NULL;
	return &paging.roots[nr];
}

static void tables_free(uint64_t *table, int level)
{
	int i;

	for (i = 0; level > 1 && i < ENTRIES; i++)
		if (entry_is_table(table[i], level))
			tables_free(table_at(table[i]), level - 1);
	table_free(table);
}

/* NULL: out of memory, and nothing is left of it. */
static uint64_t *tables_copy(const uint64_t *from, int level)
{
	uint64_t *to = table_new();
	int i;

	for (i = 0; to && i < ENTRIES; i++) {
		uint64_t entry = __atomic_load_n(&from[i], __ATOMIC_RELAXED);

		if (entry_is_table(entry, level)) {
			const uint64_t *table = tables_copy(table_at(entry), level - 1);

			if (!table) {
				tables_free(to, level);
				return NULL;
			}
			entry = table_gpa(table) | (entry & ~PTE_ADDRESS);
		}
		to[i] = entry;
	}
	return to;
}

/* Under the lock. */
static int root_make(struct root *root, const struct root *from)
{
	root->lazy = from && from->lazy;
	root->users = 0;
	root->generation++;
	root->table = from ? tables_copy(from->table, 4) : table_new();
	if (!root->table)
		return -ENOMEM;
	return from ? 0 : own_map(root);
}

static void root_drop(struct root *root)
{
	if (root->table)
		tables_free(root->table, 4);
	root->table = NULL;
}

int dune_root_create(int from)
{
	struct root *copied = NULL;
	struct section section;
	int nr = 1, error = 0;

	if (!thread_here())
		return -EPERM;
	section_begin(&section, &paging.lock);
	if (from != DUNE_ROOT_EMPTY) {
		copied = root_get(from);
		error = copied ? 0 : -EINVAL;
	}
	while (!error && nr < DUNE_ROOTS_MAX && paging.roots[nr].table)
		nr++;
	if (!error && nr == DUNE_ROOTS_MAX)
		error = -ENFILE;
	if (!error) {
		error = root_make(&paging.roots[nr], copied);
		if (error)
			root_drop(&paging.roots[nr]);
	}
	section_end(&section, &paging.lock);
	return error ? error : nr;
}

int dune_root_free(int nr)
{
	struct section section;
	struct root *root;
	int error = 0;

	if (!thread_here())
		return -EPERM;
	section_begin(&section, &paging.lock);
	root = root_get(nr);
	if (!root || root == &paging.roots[DUNE_ROOT_DEFAULT])
		error = -EINVAL;
	else if (__atomic_load_n(&root->users, __ATOMIC_SEQ_CST))
		error = -EBUSY;
	else
		root_drop(root);
	section_end(&section, &paging.lock);
	return error;
}

int dune_root_current(void)
{
	const struct dune_thread *thread = thread_here();

	return thread ? (int)thread->root : -EPERM;
}

/* Whether the page has these bits, and none of those. Under the lock. */
static bool usable(struct root *root, const void *address, uint64_t with, uint64_t without)
{
	uint64_t entry;
	int level;

	slot_fill(root, (uintptr_t)address);
	entry = *entry_find(root, (uintptr_t)address, &level);
	return (entry & with) == with && !(entry & without);
}

/* In the guest, where a page of it that was not yet touched may not be missing. */
static int root_enter(struct dune_thread *thread, struct root *root, const void *stack,
		      const void *code)
{
	unsigned int nr = (unsigned int)(root - paging.roots);
	bool known = thread->seen[nr] == root->generation;
	uint64_t cr3, cr4;
	int error = known ? 0 : own_map_thread(root, thread, stack);

	if (error)
		return error;
	if (!usable(root, stack, PTE_PRESENT | PTE_WRITE, 0) ||
	    !usable(root, code, PTE_PRESENT, PTE_NX))
		return -EFAULT;
	/* A root's number is its PCID, and what is remembered of it outlives the switch. */
	asm volatile("mov %%cr4, %0" : "=r"(cr4));
	paging.pcid = cr4 & CR4_PCIDE;
	paging_thread_goes(thread);
	paging_thread_comes(thread, nr);
	thread->seen[nr] = root->generation;
	trap_safe_forget(thread); /* of the other root */
	cr3 = paging_cr3(thread) | (paging.pcid && known ? CR3_NO_FLUSH : 0);
	asm volatile("mov %0, %%cr3" ::"r"(cr3) : "memory");
	return 0;
}

int dune_root_switch(int nr)
{
	struct dune_thread *thread = thread_here();
	struct section section;
	struct root *root;
	int error = 0, old;

	if (!thread)
		return -EPERM;
	section_begin(&section, &paging.lock);
	old = (int)thread->root;
	root = root_get(nr);
	if (!root)
		error = -EINVAL;
	else if (root != &paging.roots[old])
		error = root_enter(thread, root, &section, __builtin_return_address(0));
	section_end(&section, &paging.lock);
	return error ? error : old;
}
