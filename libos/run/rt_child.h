/* SPDX-License-Identifier: MIT */
/* The program of a run, from fork to exec. */
#ifndef DUNE_RUN_RT_CHILD_H
#define DUNE_RUN_RT_CHILD_H

#include <signal.h>

#include "rt_supervise.h"

struct child_files {
	int memory, shared; /* -1: none */
	int streams[3];	    /* its descriptors 0 to 2, -1: as they are */
};

/* On the cores of run, in its group. Its number, or -errno. */
int child_start(const struct run_state *run, const struct rt_request *request,
		const struct child_files *files, const sigset_t *mask);

#endif
