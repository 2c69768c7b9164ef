// SPDX-License-Identifier: MIT
/*
 * What a step of a chase of pointers takes: for each argument, that many pages, a pointer in every
 * line of 64 bytes to the next line, round and round. Prints "chase PAGES STEPS TICKS": the least
 * ticks of some rounds over all of them, after two that are not counted.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "probe_clock.h"

#define PAGE 4096ul
#define LINE 64ul
#define ROUNDS 8

static uint64_t walk_round(void *start, uint64_t steps)
{
	uint64_t before = ticks();

	asm volatile("1:	mov (%0), %0\n"
		     "	dec %1\n"
		     "	jnz 1b\n" : "+r"(start), "+r"(steps) : : "cc", "memory");
	return ticks() - before;
}

int main(int argc, char **argv)
{
	pin(0);
	for (int i = 1; i < argc; i++) {
		uint64_t pages = strtoul(argv[i], NULL, 10), lines = pages * PAGE / LINE;
		char *area = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		uint64_t least = UINT64_MAX;

		if (area == MAP_FAILED)
			return 3;
		for (uint64_t n = 0; n < lines; n++)
			*(void **)(area + n * LINE) = area + (n + 1) % lines * LINE;
		for (int round = 0; round < ROUNDS + 2; round++) {
			uint64_t took = walk_round(area, lines);

			if (round >= 2 && took < least)
				least = took;
		}
		printf("chase %lu %lu %lu\n", (unsigned long)pages, (unsigned long)lines,
		       (unsigned long)least);
		munmap(area, pages * PAGE);
	}
	return 0;
}
