// SPDX-License-Identifier: MIT
/* What the rest of libdune asks of the page tables. */
#include <errno.h>

#include "../thread.h"
#include "paging.h"

int paging_init(bool huge_1g)
{
	struct root *root = &paging.roots[DUNE_ROOT_DEFAULT];
	int error = arena_init();

	if (error)
		return error;
	paging.huge_1g = huge_1g;
	own_image_find();
	root->table = table_new();
	root->lazy = true;
	return slot_fill(root, (uintptr_t)paging.arena);
}

void paging_lock(void)
{
	raw_lock(&paging.lock);
}

void paging_unlock(void)
{
	raw_unlock(&paging.lock);
}

uint64_t paging_cr3(const struct dune_thread *thread)
{
	return table_gpa(paging.roots[thread->root].table) | (paging.pcid ? thread->root : 0);
}

void paging_thread_comes(struct dune_thread *thread, unsigned int root)
{
	thread->root = root;
	__atomic_fetch_add(&paging.roots[root].users, 1, __ATOMIC_SEQ_CST);
}

void paging_thread_goes(struct dune_thread *thread)
{
	__atomic_fetch_sub(&paging.roots[thread->root].users, 1, __ATOMIC_SEQ_CST);
}

void paging_only_thread(struct dune_thread *thread)
{
	unsigned int i;

	for (i = 0; i < DUNE_ROOTS_MAX; i++)
		paging.roots[i].users = 0;
	if (thread)
		paging_thread_comes(thread, thread->root);
}

int paging_premap(const struct dune_thread *thread, const void *stack)
{
	struct section section;
	int error;

	section_begin(&section, &paging.lock);
	error = own_map_thread(&paging.roots[thread->root], thread, stack);
	section_end(&section, &paging.lock);
	return error;
}

int paging_fault(const struct dune_thread *thread, uintptr_t address)
{
	struct root *root = &paging.roots[thread->root];
	struct section section;
	int error, level;

	if (address >= USER_END)
		return -EFAULT;
	section_begin(&section, &paging.lock);
	error = slot_fill(root, address);
	/* Another thread filled it meanwhile; else that fault is the program's own. */
	if (error == -EFAULT && *entry_find(root, address, &level) & PTE_PRESENT)
		error = 0;
	section_end(&section, &paging.lock);
	return error;
}

bool paging_writable(const struct dune_thread *thread, uintptr_t from, uintptr_t to)
{
	const struct root *root = &paging.roots[thread->root];

	while (from < to) {
		uint64_t entry;
		int level;

		if (to > USER_END)
			return false;
		entry = *entry_find(root, from, &level);
		if (!(entry & PTE_PRESENT)) {
			if (paging_fault(thread, from))
				return false;
			continue;
		}
		if (!(entry & PTE_WRITE))
			return false;
		from = (from | (LEVEL_SIZE(level) - 1)) + 1;
	}
	return true;
}

uint64_t dune_vm_lookup(const void *address, int *level)
{
	const struct root *root = root_get(DUNE_ROOT_CURRENT);

	if ((uintptr_t)address >= USER_END || !root)
		return 0;
	return __atomic_load_n(entry_find(root, (uintptr_t)address, level), __ATOMIC_ACQUIRE);
}
