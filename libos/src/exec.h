/* SPDX-License-Identifier: MIT */
/* execve() in Dune mode: the new program begins in Dune mode too. */
#ifndef DUNE_SRC_EXEC_H
#define DUNE_SRC_EXEC_H

#include <stdbool.h>

struct dune_thread;

#define EXEC_OPTIONS_MAX 5

/*
 * From now on what the guest executes is executed as `dune run OPTIONS --exec
 * PATH --as NAME --mask HEX --device FD -- ARGV...`, dune being the file at
 * loader_fd; NAME is the path as the guest gave it, HEX the signals that are
 * blocked, FD the open device. Strings must stay. only: what cannot be, as a program
 * that Linux would have to execute by itself, out of Dune mode, is EACCES.
 */
void exec_through(int loader_fd, const char *const *options, bool only);

/* The guest calls execve or execveat: returns its errno, or not at all. */
long exec_program(struct dune_thread *thread);
/* After a vfork child has gone: memory that its exec left in the parent's mm. */
void exec_release(struct dune_thread *child);

#endif
