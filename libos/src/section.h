/* SPDX-License-Identifier: MIT */
/*
 * A stretch of code under a lock that no signal handler of the same thread
 * interrupts, so that handlers may call whatever takes the lock. In Dune mode
 * that is a word in memory: a signal that comes meanwhile waits for section_end().
 */
#ifndef DUNE_SRC_SECTION_H
#define DUNE_SRC_SECTION_H

#include <stdint.h>

#include "raw.h"

struct dune_thread;

struct section {
	struct dune_thread *thread; /* NULL outside Dune mode */
	uint64_t mask;
};

/* The thread that executes this, if it is one of this library's in Dune mode; else NULL. */
struct dune_thread *thread_here(void);

void section_begin(struct section *section, struct raw_lock *lock);
void section_end(struct section *section, struct raw_lock *lock);

#endif
