/* SPDX-License-Identifier: MIT */
/* The process's own page tables: protecting, mapping, looking up. */
#ifndef DUNE_PAGING_H
#define DUNE_PAGING_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUNE_PROT_NONE 0
#define DUNE_PROT_READ 1
#define DUNE_PROT_WRITE 2 /* implies read */
#define DUNE_PROT_EXEC 4  /* implies read */
#define DUNE_PROT_USER 8  /* implies read; ring 3 of this process may access the page, too */

/* Bits of an entry, in the CPU's format. */
#define DUNE_PTE_PRESENT (1ull << 0)
#define DUNE_PTE_WRITE (1ull << 1)
#define DUNE_PTE_USER (1ull << 2)
#define DUNE_PTE_ACCESSED (1ull << 5)
#define DUNE_PTE_DIRTY (1ull << 6)
#define DUNE_PTE_LARGE (1ull << 7) /* of 2 MiB or 1 GiB */
#define DUNE_PTE_SOFT (7ull << 9)  /* the CPU ignores them, libdune keeps them */
#define DUNE_PTE_NX (1ull << 63)

/*
 * What all of these share. They edit page tables and nothing else: Linux's
 * mapping stays, system calls go by it, and what it forbids stays forbidden.
 * Addresses and lengths are multiples of 4096, ranges lie below 2^47. The
 * calling thread sees a change at once. Other threads in Dune mode may use their
 * older translations until dune_vm_flush(). All may be called by several
 * threads at once, and by signal and trap handlers; edits of the same page at
 * the same time leave one or the other.
 *
 * -EINVAL: a range or a value that is none, or no such root; -EBUSY: libdune
 * needs these pages (its tables, thread blocks and trap entries); -ENOMEM: no
 * memory for tables, -ENOSPC: no slot left (dune(4)), and a beginning of the
 * range may have been changed; -EPERM: not in Dune mode, or the program was
 * started by `dune run`.
 */

/*
 * Protect the pages of [address, address + length) from ring 0 of this process, in
 * the current root. Without DUNE_PROT_USER, as all memory is at first, ring 3
 * cannot access them. An entry of 2 MiB within the range stays one; larger ones
 * are split. -EFAULT: nothing is mapped at a page of it.
 */
int dune_vm_protect(void *address, size_t length, int prot);

/*
 * Show the memory at [memory, memory + length) at address in a root (dune/root.h),
 * whatever was there. By 2 MiB where both are multiples of it and nothing was
 * split before. memory stands for what Linux has there, whatever the page
 * tables show at that address; so memory == address undoes it. Faults that the
 * host has with it (DUNE_PF_HOST) carry the address of the memory. Accessed and
 * dirty bits begin clear.
 */
int dune_vm_map(int root, void *address, size_t length, const void *memory, int prot);

/* Nothing is at [address, address + length) any more: each access is a page fault. */
int dune_vm_unmap(int root, void *address, size_t length);

/*
 * On return no thread uses a translation that an earlier change took away. For
 * many edits once. With one thread it is free; with several it costs a system call
 * and an interruption of those that are in Dune mode. -EPERM.
 */
int dune_vm_flush(void);

/*
 * The page table entry that maps address in the current root (x86-64 format; of a
 * 1 GiB or 2 MiB page the large entry), 0 if none. *level: 1 = 4 KiB, 2 = 2 MiB,
 * 3 = 1 GiB. Outside Dune mode: in the default root.
 */
uint64_t dune_vm_lookup(const void *address, int *level);

#ifdef __cplusplus
}
#endif
#endif
