// SPDX-License-Identifier: MIT
/* A pager: an array of 128 pages lives in a file, 16 frames of memory and page faults. */
#include <dune.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096ul
#define PAGES 128ul
#define FRAMES 16ul

static char *array, *frames; /* only the frames are memory */
static long holds[FRAMES];   /* which page, or -1 */
static int file, hand, reads, writes;

/* Whether the page was accessed or written since the last question. */
static bool was(uint64_t which, long page)
{
	return dune_vm_bits_take(DUNE_ROOT_CURRENT, array + page * PAGE, PAGE, which, NULL) > 0;
}

static void on_fault(uintptr_t address, uint32_t error, struct dune_trap_frame *at, void *arg)
{
	long page = (long)((address - (uintptr_t)array) / PAGE), old;
	char *frame;

	(void)error, (void)at, (void)arg;
	while (holds[hand] >= 0 && was(DUNE_PTE_ACCESSED, holds[hand]))
		hand = (hand + 1) % (int)FRAMES; /* a second chance */
	frame = frames + hand * PAGE;
	old = holds[hand];
	if (old >= 0 && was(DUNE_PTE_DIRTY, old))
		writes += pwrite(file, frame, PAGE, old * 4096) == 4096;
	if (old >= 0)
		dune_vm_unmap(DUNE_ROOT_CURRENT, array + old * PAGE, PAGE);
	reads += pread(file, frame, PAGE, page * 4096) == 4096;
	dune_vm_map(DUNE_ROOT_CURRENT, array + page * PAGE, PAGE, frame, DUNE_PROT_WRITE);
	holds[hand] = page;
}

int main(void)
{
	int prot = PROT_READ | PROT_WRITE, sum = 0;
	unsigned int i;

	file = memfd_create("array", 0);
	array = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	frames = mmap(NULL, FRAMES * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(holds, -1, sizeof(holds));
	if (ftruncate(file, PAGES * PAGE) || dune_init(NULL) || dune_enter())
		return 1;
	dune_pgfault_set(on_fault, NULL);
	dune_vm_unmap(DUNE_ROOT_CURRENT, array, PAGES * PAGE);
	for (i = 0; i < PAGES; i++)
		array[i * PAGE] = (char)i;
	for (i = 0; i < PAGES; i++)
		sum += array[i * PAGE];
	printf("the sum of %lu pages in %lu frames is %d\n", PAGES, FRAMES, sum);
	printf("%d pages read, %d written\n", reads, writes);
	return dune_leave();
}
