/* SPDX-License-Identifier: MIT */
/* Whether a program has libdune in it, and so enters Dune mode by itself. */
#ifndef DUNE_RUN_RT_PROGRAM_H
#define DUNE_RUN_RT_PROGRAM_H

#include <stdbool.h>

bool program_has_libdune(const char *path);

#endif
