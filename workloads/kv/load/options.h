/* SPDX-License-Identifier: MIT */
/* The generator's command line. */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/schedule.h"

enum load_mode { MODE_PRELOAD, MODE_CAPACITY, MODE_RUN, MODE_SCHEDULE };

struct load_options {
	enum load_mode mode;
	struct sockaddr_in target;
	bool udp;
	unsigned int connections;
	const char *ring;		/* path of the server's rings; NULL: sockets */
	struct schedule_spec spec;	/* count: requests + warm-up */
	uint64_t requests, warmup;
	unsigned int window;		/* capacity: requests outstanding */
	unsigned int interval_ms;
	unsigned int drain_ms;		/* patience for the last replies */
	int cpu;			/* -1: not pinned */
	int priority;			/* SCHED_FIFO's; 0: none */
	bool rt;			/* the timed part is a task of libdune's runtime on cpu */
	const char *out;		/* NULL: no files */
};

extern const char *const load_mode_name[];

/* Exits with status 2 and a message when the command line makes no sense. */
void options_parse(struct load_options *options, int argc, char **argv);

#endif
