/* SPDX-License-Identifier: MIT */
/* Writing a run's summary (JSON), interval log and percentile distributions. */
#ifndef LOAD_OUTPUT_H
#define LOAD_OUTPUT_H

#include <stdio.h>

#include "kv/load/options.h"
#include "kv/load/result.h"

/* locked: the process's memory could be locked. */
void output_json(FILE *file, const struct load_options *options, const struct traffic *traffic,
		 const struct result *result, bool locked);

/*
 * PREFIX.json, .hlog, .hgrm (open loop only) and .service.hgrm; exits with
 * a message when a file cannot be written.
 */
void output_files(const struct load_options *options, const struct traffic *traffic,
		  const struct result *result, bool locked);

#endif
