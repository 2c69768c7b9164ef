/* SPDX-License-Identifier: MIT */
/* /proc/self/exe: for Linux it is the loader, for the program it is the program. */
#ifndef DUNE_SRC_SELF_H
#define DUNE_SRC_SELF_H

#include <stdbool.h>

struct dune_thread;

/* The file that this process executes; the string must stay. */
void self_set(const char *path);
const char *self_path(void);
/* Where the pointer to it is. */
const void *self_place(void);
/* Whether path, readable memory, names the link. False before self_set(). */
bool self_is(const char *path);
/* The guest calls readlink or readlinkat: its result. */
long self_readlink(struct dune_thread *thread);

#endif
