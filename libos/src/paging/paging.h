/* SPDX-License-Identifier: MIT */
/*
 * The page tables' inside. All that changes which tables there are, and roots,
 * happens under paging.lock, in a section; entries that a CPU may be using
 * change by single atomic writes. Tables in use stay tables until their root is
 * freed, so reading needs no lock, nor does changing one entry of the root that
 * the thread is in.
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
#include "../thread.h"

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
static inline uint64_t entry_change(uint64_t *entry, uint64_t clear, uint64_t set)
{
	uint64_t old = __atomic_load_n(entry, __ATOMIC_RELAXED);

	while (!__atomic_compare_exchange_n(entry, &old, (old & ~clear) | set, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	return old;
}

/* The bits that say what a valid DUNE_PROT_* says. */
static inline uint64_t entry_prot(int prot)
{
	extern const uint64_t entry_prots[] __attribute__((visibility("hidden")));

	return entry_prots[prot];
}
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

static inline void page_forget(uintptr_t page)
{
	asm volatile("invlpg (%0)" ::"r"(page) : "memory");
}

/* The root's entries are others; thread (or NULL), which is in it, knows them. */
static inline void generation_next(struct root *root, struct dune_thread *thread, unsigned int nr)
{
	uint32_t before = __atomic_fetch_add(&root->generation, 1, __ATOMIC_SEQ_CST);

	if (thread && thread->seen[nr] == before)
		thread->seen[nr] = before + 1;
}

static inline void region_edited(uintptr_t address)
{
	__atomic_fetch_add(&paging_edits[PAGING_REGION(address)], 1, __ATOMIC_SEQ_CST);
}

/*
 * The same of one page of the root that thread is in: taken, rights that it had. No lock.
 * Of rights that were given, the others learn by a fault at the latest. This thread has to
 * forget those, too: some CPUs fault by what they remember.
 */
static inline void page_changed(struct dune_thread *thread, uintptr_t page, bool taken)
{
	if (taken) {
		generation_next(&paging.roots[thread->root], thread, thread->root);
		region_edited(page);
	}
	page_forget(page);
}

/* page.c: dune_vm_protect() of one page. False, and nothing done: it is not that simple. */
bool page_protect(uintptr_t page, uint64_t bits);

/* edit.c: whether an edit of this range is one: 0, -EINVAL, -EPERM or -EBUSY. */
int range_check(uintptr_t start, size_t length);

#endif
