// SPDX-License-Identifier: MIT
/*
 * How the collector learns which pages were written. In its mode for programs that
 * say so themselves it asks for nothing; what libdune saw is said for the program
 * when a collection begins.
 */
#define GC_THREADS /* the library is built with them */
#include <dune.h>
#include <errno.h>
#include <gc/gc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "apps/gc/gc_app.h"

#define PAGE 4096ul
#define SECTIONS_MAX 256
#define WORDS_MAX 16384 /* of a section's bitmap: 4 GiB */

/* The collector's memory, in the order in which it got it. */
static struct {
	char *start;
	size_t size;
} sections[SECTIONS_MAX];
static unsigned int n_sections, n_protected;

static enum way way;
static uint64_t bitmap[WORDS_MAX];
static int collectors_root;

void *__real_mmap(void *address, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t size, int prot, int flags, int fd, off_t offset);

/* The linker has the collector call this; libc's own calls are not seen. */
void *__wrap_mmap(void *address, size_t size, int prot, int flags, int fd, off_t offset)
{
	char *start = __real_mmap(address, size, prot, flags, fd, offset);

	if (start == MAP_FAILED || !(prot & PROT_WRITE))
		return start;
	if (n_sections && sections[n_sections - 1].start + sections[n_sections - 1].size == start &&
	    n_sections - 1 >= n_protected) {
		sections[n_sections - 1].size += size;
		return start;
	}
	if (n_sections == SECTIONS_MAX || size > WORDS_MAX * 64 * PAGE)
		app_fail("the collector's memory is in too many pieces", 0);
	sections[n_sections].start = start;
	sections[n_sections++].size = size;
	return start;
}

static void tell(const char *start, size_t pages)
{
	size_t i;

	for (i = 0; i < pages; i++)
		if (bitmap[i / 64] >> i % 64 & 1)
			GC_end_stubborn_change(start + i * PAGE);
}

static void take_dirty(void)
{
	unsigned int i;

	for (i = 0; i < n_sections; i++) {
		size_t pages = sections[i].size / PAGE;

		app_must((int)dune_vm_bits_take(DUNE_ROOT_DEFAULT, sections[i].start,
						pages * PAGE, DUNE_PTE_DIRTY, bitmap),
			 "dune_vm_bits_take");
		tell(sections[i].start, pages);
	}
}

/* A page's first write since the last collection. */
static void on_fault(uintptr_t address, uint32_t error_code, struct dune_trap_frame *frame,
		     void *arg)
{
	char *page = (char *)(address & ~(PAGE - 1));
	unsigned int i;

	(void)frame;
	(void)arg;
	for (i = 0; i < n_protected; i++)
		if (address - (uintptr_t)sections[i].start < sections[i].size)
			break;
	if (i == n_protected || (error_code & DUNE_PF_HOST))
		app_fail("a page fault that is not the collector's", 0);
	GC_end_stubborn_change(page);
	app_must(dune_vm_protect(page, PAGE, DUNE_PROT_READ | DUNE_PROT_WRITE),
		 "dune_vm_protect");
}

/* What was written has been told, page by page. New memory counts as written. */
static void protect_again(void)
{
	unsigned int i;

	for (i = n_protected; i < n_sections; i++) {
		memset(bitmap, 0xff, sizeof(bitmap));
		tell(sections[i].start, sections[i].size / PAGE);
	}
	n_protected = n_sections;
	for (i = 0; i < n_protected; i++)
		app_must(dune_vm_protect(sections[i].start, sections[i].size & ~(PAGE - 1),
					 DUNE_PROT_READ),
			 "dune_vm_protect");
}

static void on_event(GC_EventType event)
{
	if (event == GC_EVENT_PRE_STOP_WORLD) {
		if (way == WAY_FAULT)
			protect_again();
		else
			take_dirty();
	}
	/* Marking reads all that lives: here in few translations, and unseen. */
	if (way != WAY_TLB)
		return;
	if (event == GC_EVENT_POST_STOP_WORLD)
		app_must(dune_root_switch(collectors_root), "dune_root_switch");
	else if (event == GC_EVENT_PRE_START_WORLD)
		app_must(dune_root_switch(DUNE_ROOT_DEFAULT), "dune_root_switch");
}

void dirty_begin(enum way wanted)
{
	way = wanted;
	setenv("GC_USE_GETWRITEWATCH", "0", 1); /* mprotect, not /proc's soft-dirty bits */
	GC_set_markers_count(1);
	GC_set_full_freq(19);
	GC_set_time_limit(GC_TIME_UNLIMITED); /* generational, not in slices of time */
	if (way == WAY_STOP || way == WAY_LINUX) {
		GC_INIT();
		if (way == WAY_LINUX)
			GC_enable_incremental();
		if (way == WAY_LINUX && !GC_incremental_protection_needs())
			app_fail("the collector does not protect pages", 0);
		return;
	}
	GC_set_manual_vdb_allowed(1);
	GC_INIT();
	app_must(dune_init(NULL), "dune_init");
	app_must(dune_enter(), "dune_enter");
	if (way == WAY_DUNE_STOP)
		return;
	GC_enable_incremental();
	/* Before anything is split into small pages. */
	collectors_root = dune_root_create(DUNE_ROOT_DEFAULT);
	app_must(collectors_root, "dune_root_create");
	if (way == WAY_FAULT)
		app_must(dune_pgfault_set(on_fault, NULL), "dune_pgfault_set");
	GC_set_on_collection_event(on_event);
}
