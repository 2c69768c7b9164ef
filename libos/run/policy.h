/* SPDX-License-Identifier: MIT */
/* What a confined program may do, as a file says it. */
#ifndef DUNE_RUN_POLICY_H
#define DUNE_RUN_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A policy is lines of a keyword and, but for two, a value; # begins a comment:
 *	read PATH	files below PATH may be read and looked at
 *	write PATH	... and written, made, renamed and removed
 *	exec PATH	files below PATH may be executed and looked at
 *	bind IPV4:PORT	a socket may take this address; connect IPV4:PORT likewise
 *	processes	fork is allowed
 *	tell		what is refused is a line on the standard error output
 * Paths are absolute. Rights add up. What no line gives is refused.
 */
enum policy_right { POLICY_READ, POLICY_WRITE, POLICY_EXEC, POLICY_LOOK };
enum policy_flag { POLICY_PROCESSES, POLICY_TELL, POLICY_SOCKETS };

/* Read the file: NULL, or what is wrong, `line` being where (0: with the file as a whole). */
const char *policy_load(const char *file, int *line);

/* Callable from hooks: no libc, no locks. */
/* path is absolute, without links, "." and "..". */
bool policy_allows(enum policy_right right, const char *path);
/* address and port in network order. */
bool policy_address(bool bind, uint32_t address, uint16_t port);
bool policy_has(enum policy_flag flag);

#endif
