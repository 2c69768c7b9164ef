// SPDX-License-Identifier: MIT
/*
 * Guest page tables. The host's nested table has the last word on every access,
 * so these can be generous: each GiB of user space that is touched becomes one
 * 1 GiB entry (or 512 entries of 2 MiB), split only where the program wants a
 * say about single pages. A process needs a handful of them.
 */
#include <dune/lifecycle.h>
#include <dune/paging.h>
#include <errno.h>
#include <sys/mman.h>

#include "block.h"
#include "monitor.h"
#include "thread.h"

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
#define ARENA_SIZE (32ull << 20) /* address space only, until used */

static struct {
	struct raw_lock lock;
	bool huge_1g;
	char *arena; /* tables; in one GiB, so that one base converts all */
	size_t used;
	uint64_t arena_gpa; /* of arena */
	uint64_t *root;
	/* Slots in the order in which the module numbered them. */
	unsigned int nslots;
	uintptr_t slot_hva[SLOTS_MAX];
} paging;

static uint64_t table_gpa(const void *table)
{
	return paging.arena_gpa + (uint64_t)((const char *)table - paging.arena);
}

static uint64_t *table_at(uint64_t entry)
{
	return (uint64_t *)(paging.arena +
			    ((entry & PTE_ADDRESS) - paging.arena_gpa));
}

/* A zeroed table, or NULL. Under the lock. */
static uint64_t *table_new(void)
{
	uint64_t *table;

	if (paging.used == ARENA_SIZE)
		return NULL;
	table = (uint64_t *)(paging.arena + paging.used);
	paging.used += 4096;
	return table;
}

static int slot_ask(uintptr_t hva, uint64_t *gpa)
{
	uintptr_t base = hva & ~(SLOT_SIZE - 1);
	long ret = host_slot(base, gpa);

	if (ret)
		return (int)ret;
	/* A fork at any moment must find no slot without its address. */
	if (*gpa >> 30 == paging.nslots) {
		paging.slot_hva[paging.nslots] = base;
		__atomic_store_n(&paging.nslots, paging.nslots + 1, __ATOMIC_RELEASE);
	}
	return 0;
}

/* ARENA_SIZE bytes that do not cross a GiB. */
static long arena_map(void)
{
	long at = raw_syscall6(SYS_mmap, 0, 2 * ARENA_SIZE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uintptr_t start, next;

	if (at < 0 && at > -4096)
		return at;
	start = (uintptr_t)at;
	next = (start + SLOT_SIZE) & ~(SLOT_SIZE - 1);
	if (next - start < ARENA_SIZE)
		start = next;
	if (start > (uintptr_t)at)
		raw_syscall3(SYS_munmap, at, (long)start - at, 0);
	raw_syscall3(SYS_munmap, (long)(start + ARENA_SIZE),
		     at + (long)(2 * ARENA_SIZE) - (long)(start + ARENA_SIZE), 0);
	return (long)start;
}

int paging_init(bool huge_1g)
{
	long arena = arena_map();
	uint64_t gpa;
	int error;

	if (arena < 0 && arena > -4096)
		return (int)arena;
	paging.arena = (char *)arena;
	paging.huge_1g = huge_1g;
	error = slot_ask((uintptr_t)arena, &gpa);
	if (error)
		return error;
	paging.arena_gpa = gpa + ((uintptr_t)arena & (SLOT_SIZE - 1));
	paging.root = table_new();
	return paging_slot_fill((uintptr_t)arena);
}

void paging_lock(void)
{
	raw_lock(&paging.lock);
}

void paging_unlock(void)
{
	raw_unlock(&paging.lock);
}

uint64_t paging_root(void)
{
	return table_gpa(paging.root);
}

int paging_slots_replay(void)
{
	unsigned int i;
	uint64_t gpa;

	for (i = 0; i < paging.nslots; i++) {
		long ret = host_slot(paging.slot_hva[i], &gpa);

		if (ret)
			return (int)ret;
		if (gpa >> 30 != i)
			return -EPROTO;
	}
	return 0;
}

/* The third-level entry of address; its table is made if create. Under the lock. */
static uint64_t *gib_entry(uintptr_t address, bool create)
{
	uint64_t *entry = &paging.root[address >> 39 & (ENTRIES - 1)];
	uint64_t *table;

	if (!(*entry & PTE_PRESENT)) {
		table = create ? table_new() : NULL;
		if (!table)
			return NULL;
		__atomic_store_n(entry, table_gpa(table) | PTE_TABLE,
				 __ATOMIC_RELEASE);
	}
	return &table_at(*entry)[address >> 30 & (ENTRIES - 1)];
}

/* Replace a large entry at the given level by a table of smaller ones that say the same. */
static int entry_split(uint64_t *entry, int level)
{
	uint64_t step = level == 3 ? 2ull << 20 : 4096;
	uint64_t bits = *entry & ~(PTE_ADDRESS | PTE_LARGE);
	uint64_t gpa = *entry & PTE_ADDRESS;
	uint64_t *table = table_new();
	int i;

	if (!table)
		return -ENOMEM;
	for (i = 0; i < ENTRIES; i++)
		table[i] = (gpa + (uint64_t)i * step) | bits |
			   (level == 3 ? PTE_LARGE : 0);
	__atomic_store_n(entry, table_gpa(table) | PTE_TABLE, __ATOMIC_RELEASE);
	return 0;
}

static int page_entry(uintptr_t address, uint64_t **found);

/* Of a program in ring 3, libdune's memory is none of its business. Under the lock. */
static int hide(uintptr_t from, uintptr_t to)
{
	uint64_t *entry;
	int error = 0;

	for (; from < to && !error; from += 4096) {
		error = page_entry(from, &entry);
		if (!error)
			*entry &= ~PTE_USER;
	}
	return error;
}

static int hide_in(uintptr_t gib, uintptr_t from, uintptr_t to)
{
	if (from < gib)
		from = gib;
	if (to > gib + SLOT_SIZE)
		to = gib + SLOT_SIZE;
	return from < to ? hide(from, to) : 0;
}

static int hide_all(uintptr_t gib)
{
	uint64_t start, end;
	unsigned int i;
	int error = hide_in(gib, (uintptr_t)paging.arena, (uintptr_t)paging.arena + ARENA_SIZE);

	monitor_image(&start, &end);
	if (!error)
		error = hide_in(gib, start, end);
	for (i = 0; !error && block_chunk(i, &start, &end); i++)
		error = hide_in(gib, start, end);
	return error;
}

bool paging_overlaps(uint64_t start, uint64_t end)
{
	return start < (uint64_t)paging.arena + ARENA_SIZE && (uint64_t)paging.arena < end;
}

int paging_hide(uint64_t start, uint64_t end)
{
	int error;

	/* Filled first: who fills it later hides nothing. */
	error = paging_slot_fill(start);
	if (!error)
		error = paging_slot_fill(end - 1);
	if (error)
		return error;
	raw_lock(&paging.lock);
	error = hide(start, end);
	raw_unlock(&paging.lock);
	return error;
}

/* 0 if the GiB is usable now; the access then repeats. */
int paging_slot_fill(uintptr_t address)
{
	uint64_t *entry, gpa, leaf;
	int error = 0;

	if (address >= USER_END)
		return -EFAULT;
	raw_lock(&paging.lock);
	entry = gib_entry(address, true);
	if (!entry) {
		error = -ENOMEM;
		goto unlock;
	}
	if (*entry & PTE_PRESENT) {
		/*
		 * Another thread filled it meanwhile; or the program itself made
		 * a page inaccessible, and that fault is its own.
		 */
		int level;

		error = dune_vm_lookup((void *)address, &level) & PTE_PRESENT ?
				0 : -EFAULT;
		goto unlock;
	}
	error = slot_ask(address, &gpa);
	if (error)
		goto unlock;
	leaf = gpa | PTE_LEAF | PTE_LARGE | (monitor_on() ? PTE_USER : 0);
	__atomic_store_n(entry, leaf, __ATOMIC_RELEASE);
	if (monitor_on()) {
		error = hide_all(address & ~(SLOT_SIZE - 1));
		if (!error && !paging.huge_1g && *entry & PTE_LARGE)
			error = entry_split(entry, 3);
		if (error)
			*entry = 0;
	} else if (!paging.huge_1g) {
		/* No CPU uses the entry as it is: nothing cached to flush. */
		error = entry_split(entry, 3);
		if (error)
			*entry = 0;
	}
unlock:
	raw_unlock(&paging.lock);
	return error;
}

uint64_t dune_vm_lookup(const void *address, int *level)
{
	uintptr_t a = (uintptr_t)address;
	uint64_t *table = paging.root, entry = 0;
	int l;

	if (a >= USER_END || !table)
		return 0;
	for (l = 4; l >= 1; l--) {
		entry = table[a >> (12 + 9 * (l - 1)) & (ENTRIES - 1)];
		*level = l;
		if (l == 1 || !(entry & PTE_PRESENT) || (entry & PTE_LARGE))
			break;
		table = table_at(entry);
	}
	return entry;
}

bool paging_writable(uintptr_t from, uintptr_t to)
{
	while (from < to) {
		uint64_t entry;
		int level;

		if (to > USER_END)
			return false;
		entry = dune_vm_lookup((void *)from, &level);
		if (!(entry & PTE_PRESENT) && paging_slot_fill(from))
			return false;
		if (entry & PTE_PRESENT && !(entry & PTE_WRITE))
			return false;
		/* Behind what the entry maps; after a fill, which may map less, once more. */
		if (entry & PTE_PRESENT)
			from = (from | ((1ull << (12 + 9 * (level - 1))) - 1)) + 1;
	}
	return true;
}

static uint64_t prot_apply(uint64_t entry, int prot)
{
	entry &= ~(PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_NX);
	if (prot != DUNE_PROT_NONE)
		entry |= PTE_PRESENT;
	if (prot & DUNE_PROT_WRITE)
		entry |= PTE_WRITE;
	if (prot & DUNE_PROT_USER)
		entry |= PTE_USER;
	if (!(prot & DUNE_PROT_EXEC))
		entry |= PTE_NX;
	return entry;
}

/* The 4 KiB entry of address, splitting what is larger. Under the lock. */
static int page_entry(uintptr_t address, uint64_t **found)
{
	uint64_t *entry = gib_entry(address, true);
	int level, error;

	if (!entry)
		return -ENOMEM;
	for (level = 3; level > 1; level--) {
		if (*entry & PTE_LARGE) {
			error = entry_split(entry, level);
			if (error)
				return error;
		}
		entry = &table_at(*entry)[address >> (12 + 9 * (level - 2)) &
					  (ENTRIES - 1)];
	}
	*found = entry;
	return 0;
}

int dune_vm_protect(void *address, size_t length, int prot)
{
	uintptr_t a = (uintptr_t)address, end = a + length;
	int error = 0;

	if (a & 4095 || length & 4095 || end < a || end > USER_END ||
	    prot & ~(DUNE_PROT_READ | DUNE_PROT_WRITE | DUNE_PROT_EXEC | DUNE_PROT_USER))
		return -EINVAL;
	if (!dune_in_guest())
		return -EPERM;
	for (; a < end && !error; a += 4096) {
		uint64_t *entry;
		int level;

		if (!dune_vm_lookup((void *)a, &level)) {
			error = paging_slot_fill(a);
			if (error)
				return error;
		}
		raw_lock(&paging.lock);
		error = page_entry(a, &entry);
		if (!error)
			__atomic_store_n(entry, prot_apply(*entry, prot),
					 __ATOMIC_RELEASE);
		raw_unlock(&paging.lock);
		asm volatile("invlpg (%0)" ::"r"(a) : "memory");
	}
	return error;
}
