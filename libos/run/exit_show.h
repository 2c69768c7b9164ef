/* SPDX-License-Identifier: MIT */
/* What `dune trace' shows. */
#ifndef DUNE_RUN_EXIT_SHOW_H
#define DUNE_RUN_EXIT_SHOW_H

#include "event.h"

/* exit_print.c: what is known by now of each exit, and end of the line that is not at its own. */
void exit_print(const struct event *event);
void exit_print_end(void);
/* In a buffer if it has no name. */
const char *exit_call_name(uint64_t nr, char *buffer, unsigned int size);

/* exit_count.c */
void exit_count(const struct event *event);
void exit_summary(double seconds);

#endif
