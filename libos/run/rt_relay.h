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

/* Output of a run to descriptors 1 and 2 of this process. */
struct relay {
	struct rt_shared *shared;
	struct rt_reader readers[2];
	struct relay_place {
		uint64_t next; /* where the reader was stuck, and for how many turns */
		unsigned int turns;
	} stuck[2];
	bool broken; /* nobody takes what is written */
};

void relay_start(struct relay *relay, struct rt_shared *shared);
/* What is there, and as much as the descriptors take at once. True: there may be more. */
bool relay_turn(struct relay *relay);
/* On stderr how much was lost, if any. */
void relay_end(const struct relay *relay);

#endif
