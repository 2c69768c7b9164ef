/* SPDX-License-Identifier: MIT */
/* `dune rt`: its commands, each of which returns the exit status. */
#ifndef DUNE_RUN_RT_H
#define DUNE_RUN_RT_H

#include <stdbool.h>

/* argv[0] is "rt". */
int rt_main(int argc, char **argv);

/* Of these argv[0] is the command. */
int rt_run(int argc, char **argv);
int rt_ps(int argc, char **argv);
int rt_attach(int argc, char **argv);
int rt_stop(int argc, char **argv);
int rt_stats(int argc, char **argv);

/* A status after a message with the hint where to find help. */
int rt_wrong(const char *what);

struct run_state;
/* The run that a command line names, the dead ones cleaned up: 0, or a status after a message. */
int rt_find(const char *pid, struct run_state *run);

#endif
