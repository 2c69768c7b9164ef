// SPDX-License-Identifier: MIT
/* What libdune itself needs of page tables: mapped in every root, out of reach of edits. */
#include <errno.h>
#include <link.h>

#include "../block.h"
#include "../thread.h"
#include "paging.h"

extern const char trap_end[];

static inline bool overlap(uintptr_t start, uintptr_t end, const void *own, size_t size)
{
	uintptr_t first = (uintptr_t)own & ~(PAGE - 1);
	uintptr_t behind = ((uintptr_t)own + size + PAGE - 1) & ~(PAGE - 1);

	return start < behind && first < end;
}

/* Where an edit would end it all: what the CPU or libdune touches at each exception. */
bool own_overlaps(uintptr_t start, uintptr_t end)
{
	return overlap(start, end, paging.arena, ARENA_SIZE) ||
	       overlap(start, end, &paging, sizeof(paging)) ||
	       overlap(start, end, &dune_process, sizeof(dune_process)) ||
	       overlap(start, end, trap_stubs, (size_t)(trap_end - trap_stubs)) ||
	       block_overlaps(start, end);
}

/* Is this the program or library that libdune is part of? */
static int image_look(struct dl_phdr_info *info, size_t size, void *unused)
{
	uintptr_t start = ~0ul, end = 0;
	unsigned int i;

	(void)size;
	(void)unused;
	for (i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t at = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

		if (info->dlpi_phdr[i].p_type != PT_LOAD)
			continue;
		if (at < start)
			start = at;
		if (at + info->dlpi_phdr[i].p_memsz > end)
			end = at + info->dlpi_phdr[i].p_memsz;
	}
	if ((uintptr_t)&paging < start || (uintptr_t)&paging >= end)
		return 0;
	paging.image_start = start & ~(PAGE - 1);
	paging.image_end = (end + PAGE - 1) & ~(PAGE - 1);
	return 1;
}

void own_image_find(void)
{
	dl_iterate_phdr(image_look, NULL);
}

/* Everything at its own address, as in a lazy root. */
static int identity(struct root *root, uintptr_t start, uintptr_t end)
{
	while (start < end) {
		int level = !(start & (LEVEL_SIZE(2) - 1)) && end - start >= LEVEL_SIZE(2) ? 2 : 1;
		uint64_t *entry, gpa;
		int error = slot_gpa(start, &gpa);

		if (!error)
			error = entry_make(root, start, &level, &entry);
		if (error)
			return error;
		if (!*entry)
			*entry = gpa | PTE_LEAF | (level == 2 ? PTE_LARGE : 0);
		start += LEVEL_SIZE(level);
	}
	return 0;
}

int own_map(struct root *root)
{
	int error = identity(root, (uintptr_t)paging.arena, (uintptr_t)paging.arena + ARENA_SIZE);

	return error ? error : identity(root, paging.image_start, paging.image_end);
}

int own_map_thread(struct root *root, const struct dune_thread *thread, const void *stack)
{
	/* The image and the arena may lie across the boundary of two slots. */
	const uintptr_t touched[] = {
		(uintptr_t)thread, (uintptr_t)stack, paging.image_start, paging.image_end - 1,
		(uintptr_t)paging.arena, (uintptr_t)paging.arena + ARENA_SIZE - 1,
	};
	unsigned int i;
	int error = 0;

	if (!root->lazy)
		return identity(root, (uintptr_t)thread, (uintptr_t)thread + BLOCK_SIZE);
	for (i = 0; !error && i < sizeof(touched) / sizeof(*touched); i++)
		error = slot_touch(root, touched[i]);
	return error;
}
