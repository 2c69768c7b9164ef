/* SPDX-License-Identifier: MIT */
/* The groups of measurements: each prints its series, or ends the program saying why not. */
#ifndef MICRO_GROUPS_H
#define MICRO_GROUPS_H

#include "micro/series.h"

void group_linux(const struct plan *plan);
/* who: the first half of names. */
void group_calls(const struct plan *plan, const char *who);
void group_start(const struct plan *plan, const char *who, bool dune);
/* kvm.ko and its vendor module are loaded. */
void group_kvm(const struct plan *plan);
/* dune.ko is loaded: its own interface, then libdune's. */
void group_dune(const struct plan *plan);
void group_libdune(const struct plan *plan);

#endif
