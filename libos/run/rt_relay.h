/* SPDX-License-Identifier: MIT */
/* The terminal of a run: its shared memory, and bytes between it and descriptors. */
#ifndef DUNE_RUN_RT_RELAY_H
#define DUNE_RUN_RT_RELAY_H

#include "../rt/terminal.h"
#include "rt_state.h"

/* New shared memory for run, mapped here: its descriptor, or -errno. */
int shared_create(const struct run_state *run, struct rt_shared **shared);
/* That of a run there is: NULL and errno. */
struct rt_shared *shared_open(const struct run_state *run);

/* Be the one that types: false if another process is. */
bool input_claim(const struct run_state *run);

#define RELAY_AT_ONCE 4096 /* what a pipe that has room takes in one piece */

struct relay_out {
	struct rt_reader reader;
	uint64_t stuck_at; /* where the reader was stuck, and for how many turns */
	unsigned int stuck_turns;
	int fd;
	bool own;	 /* it was opened anew, and does not block */
	bool may_block;	 /* that could not be had */
	int broken;	 /* errno: nobody takes what is written; the other one goes on */
	size_t n, sent;	 /* of text */
	char text[RELAY_AT_ONCE];
};

/* Output of a run to two descriptors of this process, whose readers never hold it up. */
struct relay {
	struct rt_shared *shared;
	struct relay_out out[2];
	bool last; /* nobody writes any more: what is not whole never will be */
};

/* To descriptors out and err, from the oldest output that is still there. */
void relay_start(struct relay *relay, struct rt_shared *shared, int out, int err);
/* What is there, and as much as the descriptors take at once. True: there may be more. */
bool relay_turn(struct relay *relay);
/*
 * What is left, once nobody writes any more: until it is taken, or nobody has taken anything for
 * ms (-1: however long), or a signal comes. True: descriptor `also' (-1: none) is readable.
 */
bool relay_drain(struct relay *relay, int ms, int also);
/* On stderr how much was lost, if any; gives its descriptors back. */
void relay_end(struct relay *relay);

#endif
