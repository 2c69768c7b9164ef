// SPDX-License-Identifier: MIT
/* Differences of /proc/interrupts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt_files.h"
#include "rt_interrupts.h"

/* Which column is this CPU's, -1: none. Offline ones have no column. */
static int column_of(const char *text, unsigned int cpu)
{
	size_t end = strcspn(text, "\n");
	const char *at = text;
	int column = 0;

	for (; (at = strstr(at, "CPU")) && at < text + end; at += 3, column++)
		if (strtoul(at + 3, NULL, 10) == cpu)
			return column;
	return -1;
}

/* The row with this label, after it; NULL. */
static const char *row_of(const char *text, const char *label, size_t n)
{
	for (; (text = strchr(text, '\n')); ) {
		text++;
		text += strspn(text, " ");
		if (!strncmp(text, label, n) && text[n] == ':')
			return text + n + 1;
	}
	return NULL;
}

/* The number in a column; false: the row is shorter. */
static bool number_in(const char *row, int column, uint64_t *value)
{
	char *end;

	for (; column >= 0; column--) {
		row += strspn(row, " ");
		*value = strtoull(row, &end, 10);
		if (end == row)
			return false;
		row = end;
	}
	return true;
}

/* What stands behind the numbers, its blanks single. */
static void name_of(const char *label, size_t n, const char *row, char *name, size_t size)
{
	size_t used = (size_t)snprintf(name, size, "%.*s", (int)n, label);

	while (row[strspn(row, " ")] >= '0' && row[strspn(row, " ")] <= '9') {
		const char *word = row + strspn(row, " ");
		size_t digits = strspn(word, "0123456789");

		if (word[digits] != ' ' && word[digits] != '\n')
			break;
		row = word + digits;
	}
	for (; *row && *row != '\n' && used < size - 1; row++)
		if (*row != ' ' || row[1] != ' ')
			name[used++] = *row;
	name[used] = 0;
}

static void compare(const char *then, const char *now, unsigned int cpu,
		    void (*call)(const char *name, uint64_t count, void *arg), void *arg)
{
	const int column_then = column_of(then, cpu), column = column_of(now, cpu);
	const char *line;

	if (column < 0)
		return;
	for (line = strchr(now, '\n'); line; line = strchr(line + 1, '\n')) {
		const char *label = line + 1 + strspn(line + 1, " "), *before;
		size_t n = strcspn(label, ":\n");
		uint64_t count, old = 0;
		char name[128];

		if (label[n] != ':' || !number_in(label + n + 1, column, &count))
			continue;
		before = row_of(then, label, n);
		if (before && column_then >= 0)
			number_in(before, column_then, &old);
		if (count <= old)
			continue;
		name_of(label, n, label + n + 1, name, sizeof(name));
		call(name, count - old, arg);
	}
}

void interrupts_since(const char *file, const char *next, unsigned int cpu,
		      void (*call)(const char *name, uint64_t count, void *arg), void *arg)
{
	/* A column a CPU: on a large machine that is much, and the timers are its last rows. */
	char *then = file_whole(file), *now = file_whole(next);

	if (then && now)
		compare(then, now, cpu, call, arg);
	free(then);
	free(now);
}
