/* SPDX-License-Identifier: MIT */
/* A trace of the module's events, of one process, apart from all other traces. */
#ifndef DUNE_RUN_TRACEFS_H
#define DUNE_RUN_TRACEFS_H

#include <stdbool.h>

/*
 * Begin one, of the process's threads as they are and of all that they make; exits
 * and calls, or all that there are. The descriptor of a pipe of lines, which does not block; or -1
 * after a message.
 */
int tracefs_begin(int pid, bool all);
/* No more events; those that wait can still be read. */
void tracefs_stop(void);
void tracefs_end(int fd);

#endif
