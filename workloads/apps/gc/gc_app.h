/* SPDX-License-Identifier: MIT */
/* Programs on Debian's Boehm collector, and ways to tell it what was written. */
#ifndef APPS_GC_GC_APP_H
#define APPS_GC_GC_APP_H

#include "apps/lib/app.h"

enum way {
	WAY_STOP,  /* every collection marks all: nothing need be known */
	WAY_LINUX, /* generational: the collector's own, by mprotect and SIGSEGV */
	WAY_DUNE_STOP, /* as WAY_STOP, in Dune mode */
	WAY_FAULT, /* by page protection and page faults of libdune */
	WAY_DIRTY, /* by the dirty bits of the page tables */
	WAY_TLB,   /* the same, and it collects in a root with large pages */
	WAYS
};

/*
 * Make the collector and, for Dune's ways, enter Dune mode. Once in a
 * process. Before the program allocates.
 */
void dirty_begin(enum way way);

/* The programs: the same work for the same size; what they found is the same in all ways. */
uint64_t program_gcbench(unsigned int size);
uint64_t program_list(unsigned int size);
uint64_t program_map(unsigned int size);
uint64_t program_xml(unsigned int size);

/* What a program says to be so: otherwise the collector has taken away what is in use. */
void program_expect(bool true_, const char *what);

#endif
