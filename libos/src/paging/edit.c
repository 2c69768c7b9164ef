// SPDX-License-Identifier: MIT
/* Protecting, mapping and unmapping ranges of pages. */
#include <errno.h>

#include "../thread.h"
#include "paging.h"

/* Under the lock at a time: signals wait for it. */
#define CHUNK LEVEL_SIZE(2)

enum edit { PROTECT, MAP, UNMAP };

int range_check(uintptr_t start, size_t length)
{
	uintptr_t end = start + length;

	if (start & (PAGE - 1) || length & (PAGE - 1) || end < start || end > USER_END)
		return -EINVAL;
	if (!thread_here())
		return -EPERM;
	return own_overlaps(start, end) ? -EBUSY : 0;
}

static bool fits(uintptr_t a, uintptr_t b, uintptr_t room)
{
	return !((a | b) & (LEVEL_SIZE(2) - 1)) && room >= LEVEL_SIZE(2);
}

/* Edit one entry. gpa: what it shall show, with MAP. */
static void entry_edit(uint64_t *entry, enum edit edit, uint64_t gpa, uint64_t bits)
{
	if (edit == PROTECT)
		entry_change(entry, PTE_PROT, bits);
	else
		__atomic_store_n(entry, edit == MAP ? gpa | bits : 0, __ATOMIC_SEQ_CST);
}

/* Protect the pages from entry on, of one table, up to the first that is not there. */
static size_t pages_protect(uint64_t *entry, size_t pages, uint64_t bits)
{
	const uint64_t *first = entry, *behind = entry + pages;

	for (; entry < behind && *entry; entry++)
		entry_change(entry, PTE_PROT, bits);
	return (size_t)(entry - first);
}

/* The same from *a on, as far as one table goes; *a moves behind what was done. */
static int edit_some(struct root *root, enum edit edit, uintptr_t *a, uintptr_t end,
		     uintptr_t offset, uint64_t bits)
{
	uintptr_t memory = *a + offset, behind = (memory | (LEVEL_SIZE(2) - 1)) + 1 - offset;
	uint64_t *entry, gpa = 0;
	int level, error = 0;

	if (behind < end)
		end = behind; /* there memory's next slot may begin */
	entry = entry_find(root, *a, &level);
	if (edit == PROTECT && !*entry)
		error = slot_fill(root, *a);
	if (edit == MAP)
		error = slot_gpa(memory, &gpa);
	/* In a lazy root nothing would become something again. */
	if (edit == UNMAP && !*entry && level > 1 && !(root->lazy && level > 2)) {
		*a = end;
		return 0;
	}
	if (!error && level > 1) {
		level = fits(*a, memory, end - *a) ? 2 : 1;
		error = entry_make(root, *a, &level, &entry);
	}
	if (error)
		return error;
	if (level == 2) {
		entry_edit(entry, edit, gpa | PTE_LARGE, bits);
		*a += LEVEL_SIZE(2);
		return 0;
	}
	if (edit == PROTECT) {
		behind = (*a | (LEVEL_SIZE(2) - 1)) + 1;
		if (behind > end)
			behind = end;
		*a += PAGE * pages_protect(entry, (behind - *a) / PAGE, bits);
		return *a < behind ? -EFAULT : 0;
	}
	do {
		entry_edit(entry++, edit, gpa, bits);
		gpa += PAGE;
		*a += PAGE;
	} while (*a < end && *a & (LEVEL_SIZE(2) - 1));
	return 0;
}

/* offset: from an address to the memory that it shall show. */
static int edit_range(int nr, enum edit edit, uintptr_t a, uintptr_t end, uintptr_t offset,
		      uint64_t bits)
{
	int error = 0;

	while (a < end && !error) {
		uintptr_t begin = a, chunk = (a | (CHUNK - 1)) + 1;
		struct section section;
		struct root *root;

		if (chunk > end)
			chunk = end;
		section_begin(&section, &paging.lock);
		root = root_get(nr);
		if (!root)
			error = -EINVAL;
		while (a < chunk && !error)
			error = edit_some(root, edit, &a, chunk, offset, bits);
		if (a > begin)
			root_changed(root, begin, a);
		section_end(&section, &paging.lock);
	}
	return error;
}

static bool prot_valid(int prot)
{
	return !(prot & ~(DUNE_PROT_READ | DUNE_PROT_WRITE | DUNE_PROT_EXEC | DUNE_PROT_USER));
}

static __attribute__((noinline)) int pages_edit(uintptr_t a, size_t length, uint64_t bits)
{
	int error = range_check(a, length);

	return error ? error : edit_range(DUNE_ROOT_CURRENT, PROTECT, a, a + length, 0, bits);
}

int dune_vm_protect(void *address, size_t length, int prot)
{
	uintptr_t a = (uintptr_t)address;

	if (!prot_valid(prot))
		return -EINVAL;
	if (length == PAGE && page_protect(a, entry_prot(prot)))
		return 0;
	return pages_edit(a, length, entry_prot(prot));
}

int dune_vm_map(int root, void *address, size_t length, const void *memory, int prot)
{
	uintptr_t a = (uintptr_t)address, m = (uintptr_t)memory;
	int error = prot_valid(prot) ? range_check(a, length) : -EINVAL;

	if (error)
		return error;
	if (m & (PAGE - 1) || m + length < m || m + length > USER_END)
		return -EINVAL;
	return edit_range(root, MAP, a, a + length, m - a, entry_prot(prot));
}

int dune_vm_unmap(int root, void *address, size_t length)
{
	uintptr_t a = (uintptr_t)address;
	int error = range_check(a, length);

	return error ? error : edit_range(root, UNMAP, a, a + length, 0, 0);
}
