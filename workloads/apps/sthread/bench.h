/* SPDX-License-Identifier: MIT */
/* The measurements of privilege separation. */
#ifndef APPS_STHREAD_BENCH_H
#define APPS_STHREAD_BENCH_H

#include "apps/lib/app.h"

/* What a compartment cannot do; ends the program if it can. In Dune mode. */
void check_walls(void);
/* Print the figures of one system; those of Dune in Dune mode. */
void bench_linux(const struct app_options *options);
void bench_dune(const struct app_options *options);
/* A web server with a compartment a connection, or a child: a process of its own. */
void bench_server(const struct app_options *options);

#endif
