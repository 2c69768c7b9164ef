/* SPDX-License-Identifier: MIT */
/* Address-space roots: several sets of page tables, each thread in one of them. */
#ifndef DUNE_ROOT_H
#define DUNE_ROOT_H

#ifdef __cplusplus
extern "C" {
#endif

#define DUNE_ROOTS_MAX 256
#define DUNE_ROOT_DEFAULT 0    /* where dune_enter() leads */
#define DUNE_ROOT_CURRENT (-1) /* the calling thread's */
#define DUNE_ROOT_EMPTY (-2)   /* to create one with nothing in it */

/*
 * A root is a set of page tables, named by a small number. Roots bind Dune mode
 * alone: Linux and its system calls see the process's one address space. All
 * may be called by several threads at once, and by handlers.
 *
 * Make a root: a copy of `from` as it is now, or, of DUNE_ROOT_EMPTY, one that
 * holds nothing but the program or shared library that libdune is linked into
 * and libdune's own tables and thread blocks. In the default root and copies of
 * it (and of these) a GiB that nothing maps is filled in at its first touch; in
 * an empty one and copies of it that touch is the program's page fault. The
 * root's number; -EINVAL: no such root; -ENFILE: there are DUNE_ROOTS_MAX;
 * -ENOMEM: no memory for tables; -EPERM: not in Dune mode.
 */
int dune_root_create(int from);

/*
 * The calling thread goes on in this root. The stack and the code of the caller
 * must be there: -EFAULT if not. A thread or child that is then made begins in
 * the root of its creator, a handler runs in the one it interrupts, dune_leave()
 * goes back to the default one. The number of the root that it leaves; -EINVAL,
 * -ENOMEM, -EPERM.
 */
int dune_root_switch(int root);

/* The calling thread's root, or -EPERM. */
int dune_root_current(void);

/*
 * The root is no more, and its tables are used again. -EBUSY: a thread is in it;
 * -EINVAL: no such root, or the default one; -EPERM.
 */
int dune_root_free(int root);

#ifdef __cplusplus
}
#endif
#endif
