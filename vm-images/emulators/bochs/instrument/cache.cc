// SPDX-License-Identifier: MIT
/*
 * Caches of data: set-associative, of physical addresses, the least recently used line replaced.
 *
 * A read and a write bring the line into both levels. CPUs do not take lines from each other, and what
 * leaves the second level stays in the first.
 */

#include <stdlib.h>
#include <string.h>

#include "bochs.h"
#include "cpu/cpu.h"

#include "cache.h"
#include "counts.h"

#define EMPTY (~(Bit64u) 0)

// A set is an array of its lines' numbers, the one used last first.
struct cache_t {
	unsigned bytes, ways, latency;
	Bit64u set_mask;
	Bit64u *lines;
};

static unsigned line_bits, memory_latency;
static cache_t shape[BX_CACHE_LEVELS];
static cache_t first[BX_MAX_SMP_THREADS_SUPPORTED], second;

static bool power_of_two(unsigned n)
{
	return n && !(n & (n - 1));
}

bool bx_cache_line(unsigned bytes)
{
	if (!power_of_two(bytes))
		return false;
	line_bits = __builtin_ctz(bytes);
	return true;
}

bool bx_cache_level(unsigned level, unsigned bytes, unsigned ways, unsigned latency)
{
	const unsigned sets = line_bits && ways ? (bytes >> line_bits) / ways : 0;

	if (level < 1 || level > BX_CACHE_LEVELS || !power_of_two(sets) ||
			(sets * ways) << line_bits != bytes)
		return false;
	shape[level - 1] = (cache_t) { bytes, ways, latency, sets - 1, NULL };
	return true;
}

void bx_cache_memory(unsigned latency)
{
	memory_latency = latency;
}

bool bx_cache_complete(void)
{
	if (!line_bits)
		return true;
	bx_costs.caches = shape[0].bytes && shape[1].bytes && memory_latency;
	return bx_costs.caches;
}

// Whether the line was there; it is now, and is the one used last.
static bool look_up(cache_t &cache, const cache_t &like, Bit64u line)
{
	if (!cache.lines) {
		cache = like;
		cache.lines = (Bit64u *) malloc((cache.set_mask + 1) * cache.ways * sizeof(Bit64u));
		for (Bit64u n = 0; n < (cache.set_mask + 1) * cache.ways; n++)
			cache.lines[n] = EMPTY;
	}

	Bit64u *set = cache.lines + (line & cache.set_mask) * cache.ways;
	unsigned n = 0;

	while (n < cache.ways - 1 && set[n] != line)
		n++;
	const bool found = set[n] == line;
	memmove(set + 1, set, n * sizeof(*set));
	set[0] = line;
	return found;
}

unsigned bx_cache_latency(unsigned cpu, Bit64u paddr)
{
	const Bit64u line = paddr >> line_bits;

	bx_counts.lines++;
	if (look_up(first[cpu], shape[0], line))
		return shape[0].latency;
	bx_counts.second++;
	if (look_up(second, shape[1], line))
		return shape[1].latency;
	bx_counts.memory++;
	return memory_latency;
}

// The first level's latency is in the price of an instruction; a processor does not wait for a write.
void bx_cache_access(unsigned cpu, Bit64u paddr, unsigned len, unsigned memtype, unsigned rw)
{
	const Bit64u last = (paddr + len - 1) >> line_bits;

	if (memtype != BX_MEMTYPE_WB)
		return;
	for (Bit64u line = paddr >> line_bits; line <= last; line++) {
		const unsigned latency = bx_cache_latency(cpu, line << line_bits);

		if (rw != BX_WRITE)
			BX_CPU(cpu)->charge_units(latency - shape[0].latency);
	}
}

// A batch of a string instruction: it has just found the page in Bochs' TLB.
void bx_cache_string(unsigned cpu, Bit64u laddr, unsigned len, unsigned rw)
{
	const bx_TLB_entry *e = BX_CPU(cpu)->DTLB.get_entry_of(laddr);

	bx_cache_access(cpu, e->ppf | (laddr & 0xfff), len, e->get_memtype(), rw);
}
