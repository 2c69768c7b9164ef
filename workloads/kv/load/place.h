/* SPDX-License-Identifier: MIT */
/* Where the timed part runs: on this thread, or on a core that it has for itself. */
#ifndef LOAD_PLACE_H
#define LOAD_PLACE_H

#include "kv/load/options.h"

/* Before anything is measured: the CPU and priority of this thread. Exits on failure. */
void place_init(const struct load_options *options);

/* Returns when run(arg) has. Exits on failure. */
void place_run(const struct load_options *options, void (*run)(void *), void *arg);

#endif
