/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that no other thread can put another file behind: hooks look at what
 * one names, then use it. The program's own, and new ones, may change in between.
 */
#ifndef DUNE_RUN_HOLD_H
#define DUNE_RUN_HOLD_H

#include "resolve.h"

/* At a hook's most; all at once, so that none waits for another's. */
#define HOLD_FILES 2

struct hold {
	unsigned int nr;
	uint64_t thread;
};

/* Before the program begins: 0 or -errno. */
int hold_init(void);

/* -EMFILE if too many hooks hold files. */
long hold_begin(struct hold *hold);
/* What fd is now, as file 0 or 1 of these: a descriptor or -errno. */
long hold_file(const struct hold *hold, unsigned int file, int fd);
void hold_end(const struct hold *hold);

#endif
