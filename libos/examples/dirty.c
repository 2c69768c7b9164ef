// SPDX-License-Identifier: MIT
/* Dirty tracking: which pages a piece of work writes, round by round, without a system call. */
#include <dune.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096ul
#define PAGES 256ul

static struct {
	char *start;
	unsigned char dirty[PAGES];
} heap;

static void on_fault(uintptr_t address, uint32_t error_code,
		     struct dune_trap_frame *frame, void *arg)
{
	size_t page = (address - (uintptr_t)heap.start) / PAGE;

	(void)frame;
	(void)arg;
	if (page >= PAGES || !(error_code & DUNE_PF_WRITE))
		abort();
	heap.dirty[page] = 1;
	dune_vm_protect(heap.start + page * PAGE, PAGE, DUNE_PROT_WRITE);
}

static void round_of(const char *work, size_t first, size_t step)
{
	size_t page, count = 0;

	memset(heap.dirty, 0, sizeof(heap.dirty));
	dune_vm_protect(heap.start, PAGES * PAGE, DUNE_PROT_READ);
	for (page = first; page < PAGES; page += step)
		memset(heap.start + page * PAGE, 1, 100); /* the first byte of them faults */
	for (page = 0; page < PAGES; page++)
		count += heap.dirty[page];
	printf("%s: %zu of %zu pages are dirty\n", work, count, (size_t)PAGES);
}

int main(void)
{
	int error = dune_init(NULL);

	heap.start = aligned_alloc(PAGE, PAGES * PAGE);
	if (!error)
		error = dune_pgfault_set(on_fault, NULL);
	if (!error)
		error = dune_enter();
	if (error || !heap.start) {
		fprintf(stderr, "cannot enter Dune mode: %s\n", strerror(-error));
		return 1;
	}
	round_of("every page", 0, 1);
	round_of("every eighth page", 0, 8);
	round_of("no page", PAGES, 1);
	return dune_leave();
}
