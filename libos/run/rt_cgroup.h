/* SPDX-License-Identifier: MIT */
/* The control group of a run: its cores as a partition, and the end of all that is in it. */
#ifndef DUNE_RUN_RT_CGROUP_H
#define DUNE_RUN_RT_CGROUP_H

#include "rt_state.h"

/* Where version 2 is mounted, into PATH_ROOM bytes; NULL if nowhere. */
char *cgroup_mount(char *to);

/*
 * Make run->cgroup with the cores of run: as the partition that is asked for, or the next
 * lesser one (isolated, root, none), which run->partition then says. why: what the kernel
 * said to the first, "" if nothing. 0 or -errno.
 */
int cgroup_create(struct run_state *run, const char *ask, char *why, size_t size);
/* Kill what is in it, wait for it to be gone, and remove it. 0 or -errno. */
int cgroup_destroy(struct run_state *run);
/* No run is left: the root's controllers are as they were. */
void cgroup_restore(void);
/* Into PIDS_MAX numbers: how many processes there are in it. */
#define PIDS_MAX 256
unsigned int cgroup_processes(const struct run_state *run, int *pids);

#endif
