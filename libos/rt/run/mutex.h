/* SPDX-License-Identifier: MIT */
/* What is in a struct dune_rt_mutex. */
#ifndef RT_RUN_MUTEX_H
#define RT_RUN_MUTEX_H

#include "runtime.h"

struct rt_mutex {
	struct rt_thread *owner;
	struct rt_waiters waiters;
	struct rt_mutex *next, *prev; /* that the owner has */
	uint32_t flags;
	uint32_t abandoned; /* its owner ended; the next one is told */
};

_Static_assert(sizeof(struct rt_mutex) <= sizeof(struct dune_rt_mutex), "it fits");

/* With the wait lock held; it is the owner's, and is no longer: to the next, if there is one. */
void rt_mutex_pass(struct rt_here *here, struct rt_mutex *mutex);

/* inherit.c: who is waited for, and by whom, has changed */
void rt_inherit(struct rt_here *here, struct rt_thread *thread);

#endif
