/* SPDX-License-Identifier: MIT */
/* `dune run`. */
#ifndef DUNE_RUN_RUN_H
#define DUNE_RUN_RUN_H

#include <stdbool.h>

struct run_options {
	bool stats;
	bool strace;
	const char *gdb; /* where to wait for a debugger, NULL: go on */
	bool monitor; /* the program in ring 3 */
	const char *policy; /* file that says what it may do, there; NULL: anything */
	const char *path; /* NULL: look for argv[0] in PATH */
	int device; /* open already, -1: not */
	const char *mask; /* of blocked signals, in hexadecimal; NULL: as they are */
	int terminal; /* shared memory with its terminal, open; -1: it has none */
	const char *name; /* the path for the program's eyes, NULL: the same */
};

/* Exit statuses of its own, as env(1) and timeout(1) have them. */
#define RUN_WRONG 2
#define RUN_FAILED 125
#define RUN_NOT_EXECUTABLE 126
#define RUN_NOT_FOUND 127

/* The file that name is, which PATH is searched for; in buffer, of PATH_MAX. NULL: errno. */
const char *run_search(const char *name, char *buffer);

/* Become the program. Returns an exit status if that cannot be. */
int run_program(const struct run_options *options, int argc, char **argv);

#endif
