/* SPDX-License-Identifier: MIT */
/* The simulator's command line. */
#ifndef RTSIM_OPTIONS_H
#define RTSIM_OPTIONS_H

#include "rtsim/law.h"
#include "rtsim/open.h"
#include "rtsim/sim.h"

/* What serves requests: this program's virtual cores, or those of a machine. */
enum options_server { SERVER_NONE, SERVER_RT, SERVER_OTHER, SERVER_FIFO };

struct options {
	struct sim_spec spec;
	struct law law;
	const char *law_text;
	enum open_arrival arrival;
	double load, deadline_factor, stretch;
	uint64_t requests, warmup, seed;
	bool json;
	const char *hlog;	/* a file for the histograms, or NULL */
	const char *help;
	enum options_server server;	/* of a machine; SERVER_NONE: these are virtual */
	uint32_t cpu;			/* of a machine: makes requests */
	uint32_t threads;		/* of a pool; 0: one a core */
};

/* The simulator's. */
extern const char options_help[];

/*
 * Exits with status 2 and a message if something is wrong, with 0 after --help and --list.
 * machine: costs are no options, --server, --cpu and --threads are; for the simulator it is the
 * other way round.
 */
void options_parse(struct options *options, int argc, char **argv, const char *help, bool machine);

#endif
