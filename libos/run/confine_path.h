/* SPDX-License-Identifier: MIT */
/* What calls with paths have in common. */
#ifndef DUNE_RUN_CONFINE_PATH_H
#define DUNE_RUN_CONFINE_PATH_H

#include <dune/syscall.h>

#include "policy.h"
#include "resolve.h"

#define AT_EMPTY 0x1000
#define MODE_BITS 01777 /* whoever executes it shall not get the user's rights: no set-user-ID */

/*
 * Where a call has its path: dir and path are numbers of arguments (dir -1: none),
 * flags is that of an argument with AT_SYMLINK_NOFOLLOW (-1: none, it follows; -2: it
 * does not). memory of `size` bytes at argument `out` is written (0: none).
 */
struct at {
	uint16_t nr;
	int8_t dir, path, flags, out;
	uint16_t size;
};

const struct at *path_call(const struct at *table, unsigned int n, uint64_t nr);
int path_dir(const struct dune_syscall *call, const struct at *at);
uint64_t path_flags(const struct dune_syscall *call, const struct at *at);
bool path_follows(const struct dune_syscall *call, const struct at *at);

/* Have Linux open it: -ELOOP if there is a link on the way. */
long path_open(const struct path *path, uint64_t flags, uint64_t mode);
void path_close(long fd);
/*
 * The path that a call names, if the policy allows it, and a descriptor (O_PATH) of
 * what is there; other threads may change what that is.
 */
long path_take_open(const struct dune_syscall *call, struct path *path, int dir, uint64_t name,
		    bool follow, enum policy_right right);

#endif
