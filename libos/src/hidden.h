/* SPDX-License-Identifier: MIT */
/* libdune's own file descriptors: out of the program's way, and not the program's to close. */
#ifndef DUNE_SRC_HIDDEN_H
#define DUNE_SRC_HIDDEN_H

#include <stdbool.h>
#include <stdint.h>

struct dune_thread;

/* dup3()'s flags in a hook of a program in ring 3: the new number may be a hidden one. */
#define HIDDEN_PUT 0x40000000u

/* Move fd, which nobody else knows yet, up: its new number, or the old one if there is no room. */
int hidden_move(int fd);
/* Whether it is one of them. */
bool hidden_is(uint32_t fd);
void hidden_close(int fd);
/*
 * Of a hook: dup(fd, this, from, F_DUPFD or F_DUPFD_CLOEXEC) is that fcntl(), but takes no
 * descriptor that is about to be hidden.
 */
#define HIDDEN_DUP_FROM 0x44554e4564757066ull
/* The guest calls close, dup, fstat or one of their kin: its result. */
long hidden_syscall(struct dune_thread *thread);

#endif
