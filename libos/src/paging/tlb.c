// SPDX-License-Identifier: MIT
/* What CPUs remember of changed entries: this one forgets at once, others when they are told. */
#include <errno.h>

#include "../thread.h"
#include "paging.h"

uint32_t paging_edits[PAGING_REGIONS];

#define SINGLE_MAX (64 * PAGE) /* more is forgotten by forgetting all */

static void regions_edited(uintptr_t start, uintptr_t end)
{
	uintptr_t regions = end > start ? ((end - 1) >> 21) - (start >> 21) + 1 : 0, i;

	for (i = 0; i < regions && i < PAGING_REGIONS; i++)
		region_edited(start + (i << 21));
}

void root_changed(struct root *root, uintptr_t start, uintptr_t end)
{
	struct dune_thread *thread = thread_here();
	unsigned int nr = (unsigned int)(root - paging.roots);
	uint64_t cr3;

	if (thread && thread->root != nr)
		thread = NULL; /* dune_root_switch() sees to it */
	generation_next(root, thread, nr);
	regions_edited(start, end);
	if (!thread)
		return;
	if (end - start > SINGLE_MAX) {
		asm volatile("mov %%cr3, %0\n\tmov %0, %%cr3" : "=r"(cr3)::"memory");
	} else {
		for (; start < end; start += PAGE)
			page_forget(start);
	}
}

int dune_vm_flush(void)
{
	if (!thread_here())
		return -EPERM;
	/* A thread that is not counted yet enters its vCPU, which remembers nothing, later. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&dune_process.nthreads, __ATOMIC_SEQ_CST) <= 1)
		return 0;
	return (int)host_flush();
}
