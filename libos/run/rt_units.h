/* SPDX-License-Identifier: MIT */
/* Numbers with a unit, as options have them. */
#ifndef DUNE_RUN_RT_UNITS_H
#define DUNE_RUN_RT_UNITS_H

#include <stdint.h>
#include <stddef.h>

/* NULL, or what is wrong. 64M: bytes, or K, M, G of 1024; not 0. */
const char *units_size(const char *text, uint64_t *bytes);
/* 5us: ns, us, ms, s; without a unit microseconds; not 0. In nanoseconds. */
const char *units_time(const char *text, uint64_t *ns);
/* 1,0,2: up to n small numbers; what is not given is 0. */
const char *units_counts(const char *text, uint32_t *counts, size_t n);

#endif
