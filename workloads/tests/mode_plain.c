// SPDX-License-Identifier: MIT
/* Ordinary threads only: for the sanitized server, which cannot run in Dune mode. */
#include <stdio.h>

#include "kv/server/mode.h"

const char *const mode_name[] = { "linux", "dune", "dune-rt" };

int mode_init(enum mode mode, const char *cpus)
{
	(void)cpus;
	if (mode != MODE_LINUX)
		fprintf(stderr, "kv-server: with sanitizers there is no Dune mode\n");
	return mode != MODE_LINUX ? -1 : 0;
}

int mode_enter(void)
{
	return 0;
}

void mode_leave(void)
{
}

int mode_spawn(void *(*run)(void *), void *arg, unsigned int index)
{
	(void)run;
	(void)arg;
	(void)index;
	return -1;
}

void mode_wait(void)
{
}

void *mode_memory(size_t size)
{
	(void)size;
	return NULL;
}

struct mode_exits mode_exits(void)
{
	return (struct mode_exits){ 0 };
}
