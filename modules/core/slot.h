/* SPDX-License-Identifier: GPL-2.0 */
/* The 1 GiB slot map: which guest-physical GiB stands for which GiB of user address space. */
#ifndef DUNE_CORE_SLOT_H
#define DUNE_CORE_SLOT_H

#include <linux/types.h>
#include <asm/barrier.h>

#include "core/tdp.h"

#define SLOT_SIZE (1ull << 30)
#define SLOTS_MAX 1024 /* 40 bits: what both emulators and most clients have */

/*
 * Slots are only ever added, under the VM's mmu_lock; readers without it see
 * either all of a slot or none (n is stored last).
 */
struct slot_map {
	unsigned int n;
	u32 hva_slot[SLOTS_MAX]; /* by guest-physical slot: hva >> 30 */
};

/* Number of slots a VM may have on this CPU. */
unsigned int slots_max(void);
unsigned int slots_gpa_bits(void);

/* Guest-physical slot for hva, new if need be; -ENOSPC, -ERANGE. */
int slot_get(struct slot_map *map, hva_t hva);
/* Address in user space for gpa; false if no slot holds it. */
static inline bool slot_gpa_to_hva(const struct slot_map *map, gpa_t gpa,
				   hva_t *hva)
{
	u64 slot = gpa >> 30;

	if (slot >= smp_load_acquire(&map->n))
		return false;
	*hva = ((u64)map->hva_slot[slot] << 30) | (gpa & (SLOT_SIZE - 1));
	return true;
}

#endif
