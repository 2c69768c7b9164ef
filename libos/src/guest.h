/* SPDX-License-Identifier: MIT */
/*
 * The program's memory, as the host side may touch it: a bad pointer gives false
 * and no signal. Memory that another thread unmaps meanwhile is the program's
 * own fault, and ends it.
 */
#ifndef DUNE_SRC_GUEST_H
#define DUNE_SRC_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* size is at least 8. */
bool guest_readable(uint64_t address, size_t size);
/* Overwrites eight bytes in each page of it. */
bool guest_writable(uint64_t address, size_t size);

/* size is a multiple of 8. */
bool guest_read(void *to, uint64_t from, size_t size);
bool guest_write(uint64_t to, const void *from, size_t size);

#endif
