/* SPDX-License-Identifier: MIT */
/* The process that stands by a run: starts the program, waits, gives all back. */
#ifndef DUNE_RUN_RT_SUPERVISE_H
#define DUNE_RUN_RT_SUPERVISE_H

#include "../rt/policy.h"
#include "rt_reserve.h"

struct rt_request {
	struct reserve_options reserve;
	uint64_t memory; /* 0: none */
	const char *policy; /* NULL: the runtime's own */
	uint64_t quantum; /* 0: none */
	uint32_t reserved[RT_CLASSES_MAX]; /* cores of each class */
	bool reserves; /* they were given */
	bool ring; /* output through shared memory */
	bool detached; /* nobody is at descriptors 0 to 2 */
	bool own; /* the program enters Dune mode by itself */
	const char *path;
	char **argv;
	bool (*started)(int pid); /* once the program runs, or NULL; false: nobody wants it */
};

/* The status of the command. */
int supervise(const struct rt_request *request);

#endif
