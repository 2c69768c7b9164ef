// SPDX-License-Identifier: MIT
/* Runs one policy under one load and prints what requests went through. */
#include <stdio.h>
#include <stdlib.h>

#include "rtsim/measure.h"
#include "rtsim/options.h"
#include "rtsim/print.h"

int main(int argc, char **argv)
{
	struct measure *measure = malloc(sizeof(*measure));
	struct open_load open;
	struct options options;
	struct sim_totals totals;
	const char *wrong;
	double used;

	options_parse(&options, argc, argv, options_help, false);
	if (!measure) {
		fputs("rt-sim: out of memory\n", stderr);
		return 3;
	}
	measure_start(measure, options.warmup);
	open_start(&open, &options.law, options.arrival, options.load, options.spec.params.cores,
		   options.requests + options.warmup, options.seed);
	open.deadline_factor = options.deadline_factor;
	wrong = sim_run(&options.spec, (struct sim_source){ open_next, &open },
			(struct sim_sink){ measure_done, measure }, &totals);
	if (wrong) {
		fprintf(stderr, "rt-sim: --policy %s: %s\n", options.spec.policy->name, wrong);
		return 2;
	}
	if (measure->sojourn.overflow || measure->slowdown.overflow)
		fputs("rt-sim: times above 18 minutes are left out\n", stderr);
	print_warning(&options);
	if (options.hlog && print_hlog(&options, measure, NULL, totals.end)) {
		fprintf(stderr, "rt-sim: cannot write %s\n", options.hlog);
		return 3;
	}
	used = (double)totals.service_ns / ((double)totals.end * options.spec.params.cores);
	if (options.json)
		print_json(&options, measure, &totals, used, "virtual");
	else
		print_table(&options, measure, &totals, used);
	free(measure);
	return 0;
}
