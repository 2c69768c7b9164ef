// SPDX-License-Identifier: MIT
/* Rows of /proc/interrupts, then and now: on a machine with many CPUs, too. */
#include <stdlib.h>
#include <unistd.h>

#include "run/rt_interrupts.h"
#include "tests/check.h"

static char text[8192];
static const char grown[] = "7 PCI-MSI 7-edge queue 3\nLOC Local timer interrupts 6\n";

static void add(const char *name, uint64_t count, void *arg)
{
	(void)arg;
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s %lu\n", name, count);
}

/* As the kernel prints it: the devices' rows, then those of each CPU's own; each counts more. */
static void machine(const char *path, unsigned int cpus, unsigned int rows, unsigned int more)
{
	FILE *file = fopen(path, "w");
	unsigned int cpu, row;

	fprintf(file, "%11s", "");
	for (cpu = 0; cpu < cpus; cpu++)
		fprintf(file, "CPU%-8u", cpu);
	for (row = 0; row < rows; row++) {
		fprintf(file, "\n%4u:", row);
		for (cpu = 0; cpu < cpus; cpu++)
			fprintf(file, " %10u", row == 7 && cpu == cpus - 1 ? 5 + more : 5);
		fprintf(file, "  PCI-MSI %u-edge  queue", row);
	}
	fprintf(file, "\n LOC:");
	for (cpu = 0; cpu < cpus; cpu++)
		fprintf(file, " %10u", 1000 * cpu + 2 * more);
	fprintf(file, "   Local timer interrupts\n ERR:          %u\n", more);
	fclose(file);
}

static void differ(unsigned int cpus, unsigned int rows, unsigned int cpu)
{
	char then[] = "/tmp/dune-then-XXXXXX", now[] = "/tmp/dune-now-XXXXXX";

	close(mkstemp(then));
	close(mkstemp(now));
	machine(then, cpus, rows, 0);
	machine(now, cpus, rows, 3);
	*text = 0;
	interrupts_since(then, now, cpu, add, NULL);
	unlink(then);
	unlink(now);
}

static void test_small(void)
{
	differ(2, 8, 1);
	check(!strcmp(text, grown), "%s", text);
	differ(2, 8, 2);
	check(!*text, "a CPU that there is not: %s", text);
}

/* 512 CPUs with 300 interrupts: 1.7 MB, of which the last rows are those that matter. */
static void test_large(void)
{
	differ(512, 300, 511);
	check(!strcmp(text, grown), "%s", text);
}

static void test_none(void)
{
	*text = 0;
	interrupts_since("/tmp/dune-nowhere", INTERRUPTS_NOW, 0, add, NULL);
	check(!*text, "%s", text);
}

static const struct test_case cases[] = {
	{ "a few CPUs", test_small },
	{ "many CPUs", test_large },
	{ "no copy", test_none },
};

TEST_MAIN(cases)
