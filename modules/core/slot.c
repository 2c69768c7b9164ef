// SPDX-License-Identifier: GPL-2.0
/*
 * Why slots: guest-physical addresses have as few as 36 bits, user addresses
 * have 47, so one cannot be the other. Dealing out guest-physical memory by
 * the GiB, in order of first use, works for PIE, ASLR and MAP_FIXED alike and
 * keeps both addresses congruent to 1 GiB, which large pages need.
 *
 * A process touches a handful of GiBs, so the forward search is a scan.
 */
#include <asm/processor.h>
#include <linux/errno.h>
#include <linux/kernel.h>

#include "core/slot.h"
#include "core/stats.h"

unsigned int slots_gpa_bits(void)
{
	return boot_cpu_data.x86_phys_bits;
}

unsigned int slots_max(void)
{
	return min_t(u64, SLOTS_MAX, 1ull << (slots_gpa_bits() - 30));
}

int slot_get(struct slot_map *map, hva_t hva)
{
	u32 wanted = hva >> 30;
	unsigned int i;

	if (hva >= 1ull << 47)
		return -ERANGE;
	for (i = 0; i < map->n; i++)
		if (map->hva_slot[i] == wanted)
			return i;
	if (map->n == slots_max())
		return -ENOSPC;
	map->hva_slot[map->n] = wanted;
	smp_store_release(&map->n, map->n + 1);
	live_inc(LIVE_SLOTS);
	return i;
}
