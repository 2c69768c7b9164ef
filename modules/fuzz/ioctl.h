/* SPDX-License-Identifier: MIT */
/* What the threads of the ioctl fuzzer share: descriptors, run pages, memory for guests. */
#ifndef FUZZ_IOCTL_H
#define FUZZ_IOCTL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/bare.h"
#include "random.h"

#define THREADS 3
#define FDS 12
#define PAGES 6

struct world {
	atomic_int fds[FDS];	    /* stale or -1 as often as not */
	unsigned char *pages;	    /* PAGES run pages, or ordinary memory in their place */
	unsigned char *edge;	    /* a page, and one without access behind it */
	unsigned char *constant;    /* a read-only page */
	const struct bare *bare;    /* its memory is every guest's */
	struct dune_run template;   /* a run page that is right */
	atomic_ulong calls, errors; /* made, and refused */
	bool say;		    /* print each call */
};

struct call {
	const char *name;
	int result; /* -errno */
};

/* One random call; false if its result is not documented. */
bool call_random(struct world *world, struct random *random, struct call *call);

#endif
