/* SPDX-License-Identifier: MIT */
/*
 * The server without sockets: each of its cores serves a pair of rings, as a thread of Linux's or
 * as a task of libdune's runtime, with the same code.
 */
#ifndef SERVER_FRONT_H
#define SERVER_FRONT_H

#include "kv/server/mode.h"
#include "kv/server/options.h"

/* Makes the rings, so that nobody can send before everything else is there. Exits on failure. */
void front_open(const struct options *options, struct service *service);

/* Starts the cores' loops, and returns when all of them serve. 0 or -1, and stderr says why. */
int front_start(void);

/* Ends them, and prints what they did. */
void front_stop(void);

#endif
