// SPDX-License-Identifier: MIT
/* Visiting entries, without the lock: of a root that is held, tables stay where they are. */
#include <errno.h>

#include <dune/walk.h>

#include "../thread.h"
#include "paging.h"

struct range {
	uintptr_t start, end;
};

static struct root *root_hold(int nr)
{
	struct section section;
	struct root *root;

	section_begin(&section, &paging.lock);
	root = root_get(nr);
	if (root)
		__atomic_fetch_add(&root->users, 1, __ATOMIC_SEQ_CST);
	section_end(&section, &paging.lock);
	return root;
}

static void root_release(struct root *root, const struct range *changed)
{
	struct section section;

	section_begin(&section, &paging.lock);
	if (changed->start < changed->end)
		root_changed(root, changed->start, changed->end);
	__atomic_fetch_sub(&root->users, 1, __ATOMIC_SEQ_CST);
	section_end(&section, &paging.lock);
}

/* Whether a leaf of this level can become that. */
static int change_check(uintptr_t address, int level, uint64_t from, uint64_t to)
{
	uint64_t size = LEVEL_SIZE(level), gpa = to & PTE_ADDRESS;

	if (own_overlaps(address, address + size))
		return -EBUSY;
	if (!to)
		return level == 3 ? -EINVAL : 0; /* a lazy root would fill it again */
	if ((from ^ to) & PTE_LARGE || gpa & (size - 1) ||
	    gpa + size > (uint64_t)__atomic_load_n(&paging.nslots, __ATOMIC_ACQUIRE) << 30)
		return -EINVAL;
	return 0;
}

/* The leaf at *a or behind it: visit it, and move on unless it has to be visited again. */
static int step(struct root *root, uintptr_t *a, dune_walk_fn visit, void *arg,
		struct range *changed)
{
	struct dune_leaf leaf;
	uint64_t *entry, value;
	int level, ret, error;

	entry = entry_find(root, *a, &level);
	value = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
	if (entry_is_table(value, level))
		return 0; /* split a moment ago */
	leaf.size = LEVEL_SIZE(level);
	leaf.address = *a & ~(leaf.size - 1);
	leaf.entry = value;
	if (!value) {
		*a = leaf.address + leaf.size;
		return 0;
	}
	ret = visit(&leaf, arg);
	if (leaf.entry != value) {
		uintptr_t start = *a & ~(LEVEL_SIZE(level) - 1), end = start + LEVEL_SIZE(level);

		error = change_check(start, level, value, leaf.entry);
		if (error)
			return error;
		if (!__atomic_compare_exchange_n(entry, &value, leaf.entry, false,
						 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return 0;
		if (start < changed->start)
			changed->start = start;
		if (end > changed->end)
			changed->end = end;
	}
	*a = (*a | (LEVEL_SIZE(level) - 1)) + 1;
	return ret;
}

static int look_check(uintptr_t start, size_t length)
{
	int error = range_check(start, length);

	return error == -EBUSY ? 0 : error;
}

int dune_vm_walk(int nr, const void *address, size_t length, dune_walk_fn visit, void *arg)
{
	uintptr_t a = (uintptr_t)address, end = a + length;
	struct range changed = { ~0ul, 0 };
	int ret = look_check(a, length);
	struct root *root;

	if (ret)
		return ret;
	root = root_hold(nr);
	if (!root)
		return -EINVAL;
	while (a < end && !ret)
		ret = step(root, &a, visit, arg, &changed);
	root_release(root, &changed);
	return ret;
}
