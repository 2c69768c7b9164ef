/* SPDX-License-Identifier: MIT */
/* The process's own page tables. */
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

/*
 * Protect the 4 KiB pages of [address, address + length) from ring 0 of this
 * process, by page table entries alone: no system call. What the host's mapping
 * forbids stays forbidden. Without DUNE_PROT_USER, as all memory is at first,
 * ring 3 cannot access the pages. Both must be multiples of 4096. The calling thread
 * sees the change at once; other threads in Dune mode may go on using their old
 * translations. In Dune mode only. -EINVAL, -ENOMEM, -EPERM (not in Dune mode),
 * -ENOSPC (no slot left).
 */
int dune_vm_protect(void *address, size_t length, int prot);

/*
 * The page table entry that maps address (x86-64 format; of a 1 GiB or 2 MiB
 * page the large entry), 0 if none. *level: 1 = 4 KiB, 2 = 2 MiB, 3 = 1 GiB.
 */
uint64_t dune_vm_lookup(const void *address, int *level);

#ifdef __cplusplus
}
#endif
#endif
