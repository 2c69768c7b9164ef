// SPDX-License-Identifier: MIT
/* The program's memory, protected or not, as a tracer may touch it: /proc/PID/mem. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "gdb.h"

static int memory = -1;

bool memory_open(void)
{
	char path[32];

	if (memory >= 0)
		close(memory);
	snprintf(path, sizeof(path), "/proc/%d/mem", session.pid);
	memory = open(path, O_RDWR | O_CLOEXEC);
	return memory >= 0;
}

/* How much of it there is. */
size_t memory_read(uint64_t from, void *to, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(memory, (char *)to + done, size - done, (off_t)(from + done));

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

bool memory_write(uint64_t to, const void *from, size_t size)
{
	return pwrite(memory, from, size, (off_t)to) == (ssize_t)size;
}

size_t memory_read_shown(uint64_t from, void *to, size_t size)
{
	size = memory_read(from, to, size);
	breakpoints_hide(from, to, size);
	return size;
}

bool memory_write_shown(uint64_t to, const void *from, size_t size)
{
	static unsigned char bytes[PACKET_MAX];

	if (size > sizeof(bytes))
		return false;
	__builtin_memcpy(bytes, from, size);
	breakpoints_keep(to, bytes, size);
	return memory_write(to, bytes, size);
}

/* Its length, cut to what there is room for with the '\0'. */
size_t memory_string(uint64_t from, char *to, size_t size)
{
	size_t n = 0;

	while (n < size - 1 && memory_read(from + n, to + n, 1) == 1 && to[n])
		n++;
	to[n] = 0;
	return n;
}
