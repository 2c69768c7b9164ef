/* SPDX-License-Identifier: MIT */
/*
 * libdune: a process in ring 0 of a virtual machine of its own.
 *
 *	if (dune_init(NULL))	// once per process
 *		...
 *	dune_enter();		// this thread: ring 0 from here on
 *	...			// the same program, libc and system calls
 *	dune_leave();		// ring 3 again
 *
 * Every function returns 0 or a negative errno; none calls exit(), none sets
 * errno. Addresses mean the same in and out of Dune mode.
 */
#ifndef DUNE_H
#define DUNE_H

#include <dune/interrupt.h>
#include <dune/lifecycle.h>
#include <dune/paging.h>
#include <dune/root.h>
#include <dune/rt.h>
#include <dune/rt_memory.h>
#include <dune/shield.h>
#include <dune/stats.h>
#include <dune/syscall.h>
#include <dune/timer.h>
#include <dune/trap.h>
#include <dune/user.h>
#include <dune/walk.h>

#endif
