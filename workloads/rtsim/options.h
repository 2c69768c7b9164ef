/* SPDX-License-Identifier: MIT */
/* The simulator's command line. */
#ifndef RTSIM_OPTIONS_H
#define RTSIM_OPTIONS_H

#include "rtsim/law.h"
#include "rtsim/open.h"
#include "rtsim/sim.h"

struct options {
	struct sim_spec spec;
	struct law law;
	const char *law_text;
	enum open_arrival arrival;
	double load, deadline_factor;
	uint64_t requests, warmup, seed;
	bool json;
	const char *help;
};

/* The simulator's. */
extern const char options_help[];

/* Exits with status 2 and a message if something is wrong, with 0 after --help and --list. */
void options_parse(struct options *options, int argc, char **argv, const char *help);

#endif
