/* SPDX-License-Identifier: MIT */
/*
 * Where the workers run: as ordinary threads, or each in Dune mode.
 *
 * Everything else in the server is plain POSIX and knows nothing of this.
 */
#ifndef SERVER_MODE_H
#define SERVER_MODE_H

#include <stdbool.h>

/* Once, before any thread starts. 0, or -1 after saying on stderr why not. */
int mode_init(bool dune);

/* First thing each worker does. 0, or -1 after saying on stderr why not. */
int mode_enter(void);

/* Last thing each worker does. */
void mode_leave(void);

#endif
