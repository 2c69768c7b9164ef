/* SPDX-License-Identifier: MIT */
/* What a program finds on its stack at its first instruction. */
#ifndef DUNE_RUN_STACK_H
#define DUNE_RUN_STACK_H

#include <stddef.h>
#include <stdint.h>

#include "image.h"

struct start_args {
	const char *path; /* as execve() was told */
	int argc;
	char *const *argv;
	char *const *envp;
	const struct image *program;
	uint64_t interpreter_base; /* 0: none */
};

/* Where strings and vectors of a stack of this program lie, for Linux to be told. */
struct start_stack {
	uint64_t pointer; /* the first rsp: argc is there */
	uint64_t arg_start, arg_end;
	uint64_t auxv;
	uint32_t auxv_size;
};

size_t stack_size(const struct start_args *args);
/* Build it, ending below top; size bytes below it must be free. */
void stack_build(const struct start_args *args, uint64_t top, struct start_stack *stack);

#endif
