/* SPDX-License-Identifier: MIT */
/* What Linux shows of a process: its command line, name, heap and code. */
#ifndef DUNE_RUN_TELL_H
#define DUNE_RUN_TELL_H

#include "stack.h"

/* For /proc, ps and brk(). A kernel that cannot be told shows `dune'; nothing else is lost. */
void tell_linux(const struct start_args *args, const struct start_stack *stack);

#endif
