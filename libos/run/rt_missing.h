/* SPDX-License-Identifier: MIT */
/* What could not be had, in one line each. */
#ifndef DUNE_RUN_RT_MISSING_H
#define DUNE_RUN_RT_MISSING_H

#include "rt_reserve.h"
#include "rt_settings.h"

/* On stderr. partition: what the kernel said to the one that was asked for, "" if it was had. */
void missing_tell(const struct run_state *run, const struct reserve_options *options,
		  const char *partition, const struct settings_left *left);

#endif
