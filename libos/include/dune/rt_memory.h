/* SPDX-License-Identifier: MIT */
/* The memory of a run, made ready before its first task. */
#ifndef DUNE_RT_MEMORY_H
#define DUNE_RT_MEMORY_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A block of what `dune rt run --mem` reserved, aligned to align, a power of two. It is
 * there, locked, and in the nested tables: no access to it is an exit. It begins as
 * zeroes and stays until the process ends; children share it. NULL: there is not so much left,
 * no such alignment, no such memory, or dune_rt_start() was never called. By any thread or task.
 */
void *dune_rt_memory(size_t size, size_t align);

#ifdef __cplusplus
}
#endif
#endif
