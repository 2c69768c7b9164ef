// SPDX-License-Identifier: MIT
/* /proc/PID/maps of some threads, read again when an address is not in what it said. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "where.h"

#define FILES_MAX 256
#define KEPT 16

static struct maps {
	int thread; /* 0: of none */
	int n;
	struct {
		uint64_t start, end, offset;
		char name[64];
	} files[FILES_MAX];
} kept[KEPT];

static void read_maps(struct maps *maps, int thread)
{
	char line[512], path[32];
	FILE *file;

	maps->n = 0;
	maps->thread = thread;
	snprintf(path, sizeof(path), "/proc/%d/maps", thread);
	file = fopen(path, "re");
	while (file && maps->n < FILES_MAX && fgets(line, sizeof(line), file)) {
		const char *name = strchr(line, '/'), *slash = strrchr(line, '/');
		int i = maps->n;

		if (!name || sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64,
				    &maps->files[i].start, &maps->files[i].end,
				    &maps->files[i].offset) != 3)
			continue;
		snprintf(maps->files[maps->n++].name, sizeof(maps->files->name), "%.*s",
			 (int)strcspn(slash + 1, "\n"), slash + 1);
	}
	if (file)
		fclose(file);
}

static int find(const struct maps *maps, uint64_t address)
{
	int i;

	for (i = 0; i < maps->n; i++)
		if (address >= maps->files[i].start && address < maps->files[i].end)
			return i;
	return -1;
}

const char *where(int thread, uint64_t address, char *to, size_t size)
{
	struct maps *maps = &kept[thread % KEPT];
	int i = maps->thread == thread ? find(maps, address) : -1;

	if (i < 0) {
		read_maps(maps, thread);
		i = find(maps, address);
	}
	*to = 0;
	if (i >= 0)
		snprintf(to, size, " %s+%#" PRIx64, maps->files[i].name,
			 address - maps->files[i].start + maps->files[i].offset);
	return to;
}

void where_forget(int thread)
{
	if (kept[thread % KEPT].thread == thread)
		kept[thread % KEPT].thread = 0;
}
