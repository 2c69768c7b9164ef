// SPDX-License-Identifier: MIT
/*
 * Code and data in one large page: both are reached, again and again, and on a
 * CPU that must not execute from large pages (iTLB multihit) the nested leaves
 * of code are small ones.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <dune/stats.h>

#include "lib/dune_mode.h"

#define HUGE (2ul << 20)
#define PAGE 4096ul
#define CALLS 2000
#define CODE_PAGES 8
#define DATA_PAGES 64

typedef uint64_t (*reader)(const uint64_t *);

/* mov (%rdi), %rax; ret */
static const unsigned char code[] = { 0x48, 0x8b, 0x07, 0xc3 };

static bool affected(void)
{
	FILE *file = fopen("/sys/devices/system/cpu/vulnerabilities/itlb_multihit", "r");
	char line[80] = "";

	if (!file)
		return false;
	if (!fgets(line, sizeof(line), file))
		line[0] = 0;
	fclose(file);
	return line[0] && strncmp(line, "Not affected", 12);
}

/* Function and datum are in different pages of the 2 MiB, others each time. */
static bool calls_read(unsigned char *m)
{
	unsigned int i;

	for (i = 0; i < CALLS; i++) {
		size_t function = i % CODE_PAGES * PAGE, datum = (256 + i % DATA_PAGES) * PAGE + 8;

		memcpy(m + datum, &(uint64_t){ i }, 8);
		if (((reader)(uintptr_t)(m + function))((uint64_t *)(m + datum)) != i)
			return false;
	}
	return true;
}

int main(void)
{
	struct dune_counters before, after;
	unsigned char *area, *m;
	unsigned int i;

	ktap_plan(4);
	must_init_and_enter();
	area = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		ktap_bail("no memory");
	m = (void *)(((uintptr_t)area + HUGE - 1) & ~(HUGE - 1));
	madvise(m, HUGE, MADV_HUGEPAGE);
	for (i = 0; i < CODE_PAGES; i++)
		memcpy(m + i * PAGE, code, sizeof(code));
	dune_counters_get(&before);
	ktap_check(before.tdp_maps_2m > 0, "the area is a large page");
	ktap_check(calls_read(m), "code and data in it are reached in turn");
	dune_counters_get(&after);
	printf("# maps: %lu small, %lu large more; iTLB multihit: %d\n",
	       after.tdp_maps_4k - before.tdp_maps_4k, after.tdp_maps_2m - before.tdp_maps_2m,
	       affected());
	/* At most each small page once for each kind of access, and no large one in between. */
	ktap_check(after.tdp_faults - before.tdp_faults < 600,
		   "and nested faults end: fewer than one for three calls");
	ktap_check((after.tdp_maps_4k - before.tdp_maps_4k >= CODE_PAGES + DATA_PAGES) ==
			   affected(),
		   "small leaves for code where the CPU needs it, and only there");
	return ktap_exit_status();
}
