/* SPDX-License-Identifier: MIT */
/* Cores and memory taken from Linux for a run, and given back. */
#ifndef DUNE_RUN_RT_RESERVE_H
#define DUNE_RUN_RT_RESERVE_H

#include "rt_state.h"

struct reserve_options {
	const char *cores; /* a list, or a number of them */
	const char *partition; /* the most to ask for: isolated, root or none */
};

/*
 * All with the lock of state_lock() held.
 *
 * reserve_choose(): which cores: 0, or a status of the command after a message. Nothing is
 * changed yet.
 */
int reserve_choose(struct run_state *run, const struct reserve_options *options);
/* Take them, and run->memory bytes as *memory_fd: 0, or a status after a message. */
int reserve_take(struct run_state *run, const struct reserve_options *options, int *memory_fd);
/* Kill what runs there, and all is as before. */
void reserve_give(struct run_state *run);
/* The same for runs whose supervisor is dead. */
void reserve_sweep(void);
/* This takes the lock itself, without which it does nothing: 0, or -errno after a message. */
int reserve_tidy(void);
/* The same for who only looks: not if somebody else is at it, who may be stopped. */
void reserve_tidy_now(void);
/* Cores of all runs there are, but those of `but', which may be NULL. */
struct cores reserve_taken(const struct run_state *but);

#endif
