// SPDX-License-Identifier: MIT
/* Mapping the memory that is touched. */
#include "micro/area.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

_Noreturn void give_up(const char *what)
{
	fprintf(stderr, "micro: %s: %s\n", what, strerror(errno));
	exit(3);
}

static char *map(size_t offset, size_t size, int flags, int fd)
{
	char *area = mmap((void *)(AREA_BASE + offset), size, PROT_READ | PROT_WRITE,
			  flags | MAP_FIXED_NOREPLACE, fd, 0);

	if (area == MAP_FAILED)
		give_up("mmap");
	return area;
}

char *area_map(size_t offset, size_t size)
{
	char *area = map(offset, size, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	/* A kernel without large pages refuses the advice and needs none. */
	madvise(area, size, MADV_NOHUGEPAGE);
	return area;
}

/* On machines of little memory they are switched off for all. */
static void large_pages_on(void)
{
	int fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "madvise", 7) != 7)
		give_up("large pages");
	close(fd);
}

char *area_map_large(size_t size)
{
	char *area;

	large_pages_on();
	area = map(0, size, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (madvise(area, size, MADV_HUGEPAGE))
		give_up("large pages");
	return area;
}

char *area_map_present(size_t offset, size_t size)
{
	int fd = memfd_create("micro", MFD_CLOEXEC);
	char *area;

	if (fd < 0 || ftruncate(fd, (off_t)size))
		give_up("memfd");
	area = map(offset, size, MAP_SHARED, fd);
	memset(area, 1, size);
	area_unmap(area, size);
	area = map(offset, size, MAP_SHARED, fd);
	close(fd);
	return area;
}

void area_unmap(char *area, size_t size)
{
	if (munmap(area, size))
		give_up("munmap");
}
