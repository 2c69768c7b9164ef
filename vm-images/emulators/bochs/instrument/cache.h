// SPDX-License-Identifier: MIT
/* Two levels of caches of data, by physical address: each CPU's first one, one second for all. */

#ifndef COSTS_CACHE_H
#define COSTS_CACHE_H

#define BX_CACHE_LEVELS 2

// What the profile says. False: the emulator cannot have it so.
bool bx_cache_line(unsigned bytes);
bool bx_cache_level(unsigned level, unsigned bytes, unsigned ways, unsigned latency);
void bx_cache_memory(unsigned latency);

// Whether it has said nothing, or all; then the caches are on.
bool bx_cache_complete(void);

// Looks a line up, and has it in both levels afterwards. In clock units, from the address to the
// data: what the place takes where it was, the first level's own latency in it.
unsigned bx_cache_latency(unsigned cpu, Bit64u paddr);

#endif
