/* SPDX-License-Identifier: MIT */
/* Paths that a confined program names, as hooks see them: without libc, in libdune's memory. */
#ifndef DUNE_RUN_RESOLVE_H
#define DUNE_RUN_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

#define PATH_ROOM 2048

struct path {
	bool plain; /* without "//", "." and ".." components and a "/" at the end */
	char text[PATH_ROOM];
};

/*
 * Copy the path at address, once, and make it absolute: 0, -EFAULT, -ENAMETOOLONG
 * (2 KiB), -ENOENT (it is empty), or what Linux says of dir.
 */
long path_take(struct path *path, int dir, uint64_t address);
/* The name of what is open, which may be no path: 0, -EBADF or -ENAMETOOLONG. */
long path_of(struct path *path, int fd);
/*
 * Without links, the last component's only if `follow`; then plain. 0, -ELOOP,
 * -ENAMETOOLONG, or Linux's errno of a directory on the way.
 */
long path_resolve(struct path *path, bool follow);
/* Whether it is this one. */
bool path_is(const struct path *path, const char *text);
/* Whether there is an empty string, or none, at address. */
bool path_empty(uint64_t address);

#endif
