/* SPDX-License-Identifier: MIT */
/*
 * The page tables' inside. All that changes which tables there are, and roots,
 * happens under paging.lock, in a section; entries that a CPU may be using
 * change by single atomic writes. Tables in use stay tables until their root is
 * freed, so reading needs no lock.
 */
#ifndef DUNE_SRC_PAGING_H
#define DUNE_SRC_PAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dune/paging.h>
#include <dune/root.h>

#include "../raw.h"
#include "../section.h"

#define PAGE 4096ull
#define ENTRIES 512
#define PTE_PRESENT 0x1ull
#define PTE_WRITE 0x2ull
#define PTE_USER 0x4ull
#define PTE_ACCESSED 0x20ull
#define PTE_DIRTY 0x40ull
#define PTE_LARGE 0x80ull
#define PTE_NX (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull
#define PTE_LEAF (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY)
#define PTE_TABLE (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)

#define USER_END (1ull << 47)
#define SLOT_SIZE (1ull << 30)
#define SLOTS_MAX 1024
#define ARENA_SIZE (32ull << 20) /* of tables: address space only, until used */
#define LEVEL_SIZE(level) (1ull << (12 + 9 * ((level) - 1)))

struct dune_thread;

struct root {
	uint64_t *table; /* NULL: no such root */
	unsigned int users; /* threads that are in it, and walks of it; not of the default one */
	uint32_t generation; /* another one when its entries are others */
	bool lazy; /* what is missing is filled in when it is touched */
};

struct paging {
	struct raw_lock lock;
	bool huge_1g;
	bool pcid; /* known when the first thread changes its root */
	char *arena; /* tables; in one GiB, so that one base converts all */
	size_t arena_used;
	uint64_t *free; /* tables, linked by their first words */
	uint64_t arena_gpa;
	struct root roots[DUNE_ROOTS_MAX];
	/* Slots in the order in which the module numbered them. */
	unsigned int nslots;
	uintptr_t slot_hva[SLOTS_MAX];
	/* The program or library that has this in it. */
	uintptr_t image_start, image_end;
} __attribute__((aligned(4096))); /* its pages hold nothing of the program's */

extern struct paging paging __attribute__((visibility("hidden")));

static inline uint64_t table_gpa(const uint64_t *table)
{
	return paging.arena_gpa + (uint64_t)((const char *)table - paging.arena);
}

static inline uint64_t *table_at(uint64_t entry)
{
	return (uint64_t *)(paging.arena + ((entry & PTE_ADDRESS) - paging.arena_gpa));
}

/* arena.c: under the lock */
int arena_init(void);
uint64_t *table_new(void); /* zeroed, or NULL */
void table_free(uint64_t *table);

/* slot.c: under the lock */
int slot_gpa(uintptr_t hva, uint64_t *gpa);
/* Fill in the GiB of address in a lazy root: 0, or why not; -EFAULT: it is not empty. */
int slot_fill(struct root *root, uintptr_t address);
/* The same, and what is there may stay. */
int slot_touch(struct root *root, uintptr_t address);

/* hide.c: libdune's memory in this GiB, which is filled in for a program in ring 3 */
int hide_in_gib(struct root *root, uintptr_t gib);

/* entry.c */
static inline bool entry_is_table(uint64_t entry, int level)
{
	return level > 1 && (entry & (PTE_PRESENT | PTE_LARGE)) == PTE_PRESENT;
}

/* Where the walk for address ends, at a leaf or at nothing, and at which level. */
uint64_t *entry_find(const struct root *root, uintptr_t address, int *level);
/*
 * As above but at *level or below, after splitting what is larger and adding
 * the tables that are missing. 0 or -ENOMEM. Under the lock.
 */
int entry_make(struct root *root, uintptr_t address, int *level, uint64_t **entry);
/* Change bits without losing those that a CPU sets at the same time: what was there. */
uint64_t entry_change(uint64_t *entry, uint64_t clear, uint64_t set);
/* The bits that say what a DUNE_PROT_* says. */
uint64_t entry_prot(int prot);
#define PTE_PROT (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_NX)

/* own.c: what libdune needs of the guest's page tables */
bool own_overlaps(uintptr_t start, uintptr_t end);
void own_image_find(void);
/* Under the lock. */
int own_map(struct root *root);
int own_map_thread(struct root *root, const struct dune_thread *thread, const void *stack);

/* root.c */
/* By DUNE_ROOT_CURRENT or its number: NULL if there is none. */
struct root *root_get(int nr);
/*
 * This thread forgets what it knows of [start, end) in a root whose entries were
 * changed there. Under the lock.
 */
void root_changed(struct root *root, uintptr_t start, uintptr_t end);

/* edit.c: whether an edit of this range is one: 0, -EINVAL, -EPERM or -EBUSY. */
int range_check(uintptr_t start, size_t length);

#endif
