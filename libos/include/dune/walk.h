/* SPDX-License-Identifier: MIT */
/* Looking at the page tables' entries: one after another, or their accessed and dirty bits. */
#ifndef DUNE_WALK_H
#define DUNE_WALK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the calls here share with those in dune/paging.h is said there. */

/* An entry that maps something, or says what it would map (DUNE_PROT_NONE). */
struct dune_leaf {
	uintptr_t address; /* of the first byte that it maps */
	size_t size;       /* 4 KiB, 2 MiB or 1 GiB */
	uint64_t entry;
};

/*
 * May change leaf->entry: its bits, its address to another one within the slots,
 * or to 0 to take it away (not of 1 GiB). If the entry changed in the meantime,
 * by another thread or by an accessed bit, it is called again with what is there
 * now. 0: go on; anything else ends the walk.
 */
typedef int (*dune_walk_fn)(struct dune_leaf *leaf, void *arg);

/*
 * Call visit for each entry with a part of [address, address + length) in a root,
 * in ascending order; the first and the last may reach beyond it. No lock is
 * held: visit may call anything. What was changed is flushed for the calling
 * thread at the end. What visit returned last, or a negative errno: the shared
 * ones, -EINVAL and -EBUSY also if visit made of an entry what it cannot be.
 */
int dune_vm_walk(int root, const void *address, size_t length, dune_walk_fn visit, void *arg);

/*
 * Which pages were accessed or written? bits: DUNE_PTE_ACCESSED, DUNE_PTE_DIRTY or
 * both. A page counts if its entry has one of them: then bit i % 64 of
 * bitmap[i / 64] is set for the i-th page of the range, else cleared. Of large
 * entries every page counts as the entry. How many there are, or -errno. bitmap
 * has a bit for each page, rounded up to words, and may be NULL.
 */
long dune_vm_bits_get(int root, const void *address, size_t length, uint64_t bits,
		     uint64_t *bitmap);

/*
 * As above, and clears them. Large entries are split first, so that the next
 * call tells single pages. It ends with dune_vm_flush() if there was something to
 * clear: an access of any thread of the process is told by this call or by a
 * later one. (Memory that was never edited has both bits set in the beginning.)
 */
long dune_vm_bits_take(int root, void *address, size_t length, uint64_t bits, uint64_t *bitmap);

#ifdef __cplusplus
}
#endif
#endif
