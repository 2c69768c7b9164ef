/* SPDX-License-Identifier: MIT */
/* Memory in 4 KiB pages at the place where guests find it under the same address. */
#ifndef MICRO_AREA_H
#define MICRO_AREA_H

#include <stddef.h>

/*
 * Both guests see the first GiB of this process's address space at the same
 * guest-physical and guest-virtual addresses: the program (it is linked below
 * that) and this range.
 */
#define AREA_BASE 0x10000000ul
#define AREA_MAX 0x20000000ul

/* Map size bytes of anonymous memory at AREA_BASE + offset, untouched, never in large pages. */
char *area_map(size_t offset, size_t size);
/* The same with pages that the host already has: written once, then mapped anew. */
char *area_map_present(size_t offset, size_t size);
/* Size bytes of anonymous memory at AREA_BASE, untouched, in pages of 2 MiB. */
char *area_map_large(size_t size);
void area_unmap(char *area, size_t size);

/* Say what is missing, with errno, and end with status 3. */
_Noreturn void give_up(const char *what);

#endif
