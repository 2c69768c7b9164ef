/* SPDX-License-Identifier: MIT */
/* A small process that cleans up should the supervisor be killed. */
#ifndef DUNE_RUN_RT_GUARD_H
#define DUNE_RUN_RT_GUARD_H

/* A child of this process, before it takes anything. Its number, or -errno. */
int guard_start(void);
/* It is not needed any more. */
void guard_stop(int guard);

#endif
