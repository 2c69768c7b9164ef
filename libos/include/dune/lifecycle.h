/* SPDX-License-Identifier: MIT */
/* Entering and leaving Dune mode. */
#ifndef DUNE_LIFECYCLE_H
#define DUNE_LIFECYCLE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* No line on stderr about an exception of ring 0 that nobody handles; its signal comes as ever. */
#define DUNE_OPTION_QUIET (1u << 0)

/* What dune_init() may be told; grows at its end only. */
struct dune_options {
	size_t size; /* sizeof(struct dune_options), or 0 for defaults */
	unsigned int flags; /* DUNE_OPTION_* */
};

/*
 * Prepare the process: open /dev/dune, make its VM and its page tables. Once,
 * before the first dune_enter(), from any thread. options may be NULL.
 * -ENOENT: no /dev/dune (module not loaded); -EACCES: no right to open it;
 * -EALREADY: done before; -ENOTSUP: the module speaks another ABI version or
 * the CPU lacks XSAVE; -ENOMEM; -EINVAL: unknown option.
 */
int dune_init(const struct dune_options *options);

/*
 * Continue in ring 0. Only the calling thread changes; threads and children
 * that it then makes (pthread_create, fork, vfork, clone) begin in ring 0 too.
 * Its signal handlers run in ring 0. -EALREADY: in Dune mode, or run by `dune run`;
 * -EPERM: dune_init() has not succeeded; -EMFILE, -ENOMEM: no vCPU to be had.
 */
int dune_enter(void);

/*
 * Continue in ring 3. Handlers and page tables stay for the next entry. -EPERM:
 * not in Dune mode.
 */
int dune_leave(void);

/* Whether this code runs in ring 0. */
bool dune_in_guest(void);

#ifdef __cplusplus
}
#endif
#endif
