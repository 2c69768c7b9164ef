// SPDX-License-Identifier: MIT
/* Breakpoints: INT3 in the program's text. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "gdb.h"

#define BREAKPOINTS_MAX 1024
#define INT3 0xcc

static struct {
	uint64_t at;
	unsigned char byte; /* the program's */
} points[BREAKPOINTS_MAX];
static int points_n;
static int suspended; /* so many vfork children use the same memory, and nobody traces them */

static int find(uint64_t at)
{
	int i;

	for (i = 0; i < points_n; i++)
		if (points[i].at == at)
			return i;
	return -1;
}

bool breakpoint_at(uint64_t at)
{
	return find(at) >= 0;
}

bool breakpoint_set(uint64_t at)
{
	const unsigned char int3 = INT3;
	unsigned char byte;

	if (find(at) >= 0)
		return true;
	if (points_n == BREAKPOINTS_MAX || memory_read(at, &byte, 1) != 1 ||
	    (!suspended && !memory_write(at, &int3, 1)))
		return false;
	points[points_n].at = at;
	points[points_n++].byte = byte;
	return true;
}

bool breakpoint_clear(uint64_t at)
{
	int i = find(at);

	if (i < 0)
		return true;
	if (!suspended)
		memory_write(at, &points[i].byte, 1); /* or it is not mapped any more */
	points[i] = points[--points_n];
	return true;
}

void breakpoints_clear(void)
{
	while (points_n)
		breakpoint_clear(points[0].at);
}

void breakpoints_hide(uint64_t from, unsigned char *bytes, size_t size)
{
	int i;

	for (i = 0; i < points_n; i++)
		if (points[i].at - from < size)
			bytes[points[i].at - from] = points[i].byte;
}

void breakpoints_keep(uint64_t to, unsigned char *bytes, size_t size)
{
	int i;

	for (i = 0; i < points_n; i++) {
		if (points[i].at - to >= size)
			continue;
		points[i].byte = bytes[points[i].at - to];
		if (!suspended)
			bytes[points[i].at - to] = INT3;
	}
}

void breakpoints_leave(pid_t child)
{
	char path[32];
	int i, memory;

	snprintf(path, sizeof(path), "/proc/%d/mem", child);
	memory = open(path, O_RDWR | O_CLOEXEC);
	for (i = 0; memory >= 0 && i < points_n; i++)
		if (pwrite(memory, &points[i].byte, 1, (off_t)points[i].at) != 1)
			continue; /* it was not mapped here either */
	if (memory >= 0)
		close(memory);
}

void breakpoints_suspend(bool suspend)
{
	const unsigned char int3 = INT3;
	int i;

	suspended += suspend ? 1 : -1;
	for (i = 0; suspended == (suspend ? 1 : 0) && i < points_n; i++)
		memory_write(points[i].at, suspend ? &points[i].byte : &int3, 1);
}

void breakpoints_forget(void)
{
	points_n = 0;
	suspended = 0;
}
