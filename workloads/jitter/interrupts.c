// SPDX-License-Identifier: MIT
/* What Linux counts about a CPU: its column of /proc/interrupts, and context switches. */
#include "jitter/jitter.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* The column of a CPU by the first line, "CPU0 CPU1 ..."; offline ones have none. */
static int column_of(const char *line, int cpu)
{
	int column = 0, number, used;

	for (; sscanf(line, " CPU%d%n", &number, &used) == 1; line += used, column++)
		if (number == cpu)
			return column;
	return -1;
}

static bool is_number(const char *text)
{
	return isdigit((unsigned char)text[strspn(text, " ")]);
}

static void put(struct interrupts *interrupts, const char *name, size_t length, uint64_t count)
{
	if (interrupts->n == INTERRUPTS_MAX)
		return;
	if (length >= sizeof(interrupts->row[0].name))
		length = sizeof(interrupts->row[0].name) - 1;
	memcpy(interrupts->row[interrupts->n].name, name, length);
	interrupts->row[interrupts->n].name[length] = '\0';
	interrupts->row[interrupts->n++].count = count;
}

void interrupts_read(struct interrupts *interrupts, int cpu, bool own)
{
	FILE *file = fopen("/proc/interrupts", "r");
	struct rusage usage;
	char *line = NULL;
	size_t size = 0;
	int column = -1;

	if (!file)
		fail(FAIL_MEASUREMENT, "cannot read /proc/interrupts");
	memset(interrupts, 0, sizeof(*interrupts));
	if (getline(&line, &size, file) > 0)
		column = column_of(line, cpu);
	while (column >= 0 && getline(&line, &size, file) > 0) {
		char *colon = strchr(line, ':'), *name = line, *at;
		unsigned long long count = 0;
		int i;

		if (!colon)
			continue;
		while (isspace((unsigned char)*name))
			name++;
		for (at = colon + 1, i = 0; i <= column && is_number(at); i++)
			count = strtoull(at, &at, 10);
		/* ERR and MIS are the machine's, not a CPU's. */
		if (i > column)
			put(interrupts, name, (size_t)(colon - name), count);
	}
	free(line);
	fclose(file);
	if (!own)
		return;
	getrusage(RUSAGE_THREAD, &usage);
	put(interrupts, "ctxt", 4, (uint64_t)(usage.ru_nvcsw + usage.ru_nivcsw));
}
