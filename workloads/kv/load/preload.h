/* SPDX-License-Identifier: MIT */
/* Filling the server with all records before a measurement. */
#ifndef LOAD_PRELOAD_H
#define LOAD_PRELOAD_H

#include "kv/load/options.h"

/*
 * Store every record with batches of noreply sets, wait until the server has
 * worked them off, and check by its statistics that it holds them all;
 * exits with a message when it does not.
 */
void preload(const struct load_options *options);

#endif
