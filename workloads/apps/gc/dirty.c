// SPDX-License-Identifier: MIT
/*
 * How the collector learns which pages were written. It believes that it protects
 * them by mprotect, and that SIGSEGV tells of writes. In Dune mode its calls of
 * mprotect come here, and its own handler of the signal is called for each page
 * that libdune saw written.
 */
#define GC_THREADS /* the library is built with them */
#include <dune.h>
#include <errno.h>
#include <gc/gc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "apps/gc/gc_app.h"

#define PAGE 4096ul
#define SECTIONS_MAX 256
#define WORDS_MAX 16384 /* of a section's bitmap: 4 GiB */

/* The collector's memory, in the order in which it got it. */
static struct section {
	char *start;
	size_t size;
} sections[SECTIONS_MAX];
static unsigned int n_sections;

static enum way way;
static uint64_t bitmap[WORDS_MAX];
static int collectors_root;
static void (*collectors_handler)(int, siginfo_t *, void *);

void *__real_mmap(void *address, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t size, int prot, int flags, int fd, off_t offset);

/* The linker has the collector call these; libc's own calls are not seen. */
void *__wrap_mmap(void *address, size_t size, int prot, int flags, int fd, off_t offset)
{
	char *start = __real_mmap(address, size, prot, flags, fd, offset);

	if (start == MAP_FAILED || !(prot & PROT_WRITE))
		return start;
	if (n_sections && sections[n_sections - 1].start + sections[n_sections - 1].size == start) {
		sections[n_sections - 1].size += size;
		return start;
	}
	if (n_sections == SECTIONS_MAX || size > WORDS_MAX * 64 * PAGE)
		app_fail("the collector's memory is in too many pieces", 0);
	sections[n_sections].start = start;
	sections[n_sections++].size = size;
	return start;
}

int __real_mprotect(void *address, size_t size, int prot);
int __wrap_mprotect(void *address, size_t size, int prot);

int __wrap_mprotect(void *address, size_t size, int prot)
{
	if (way <= WAY_DUNE_STOP)
		return __real_mprotect(address, size, prot);
	/* Where dirty bits tell, nothing needs to be protected. */
	if (way == WAY_FAULT)
		app_must(dune_vm_protect(address, size,
					 prot & PROT_WRITE ? DUNE_PROT_READ | DUNE_PROT_WRITE :
							     DUNE_PROT_READ),
			 "dune_vm_protect");
	return 0;
}

static void tell(char *page)
{
	siginfo_t info = { .si_signo = SIGSEGV, .si_code = SEGV_ACCERR, .si_addr = page };

	collectors_handler(SIGSEGV, &info, NULL);
}

static void tell_dirty(const struct section *section)
{
	size_t pages = section->size / PAGE, i;

	app_must((int)dune_vm_bits_take(DUNE_ROOT_DEFAULT, section->start, pages * PAGE,
					DUNE_PTE_DIRTY, bitmap),
		 "dune_vm_bits_take");
	for (i = 0; i < pages; i++) {
		char *page = section->start + i * PAGE;

		/* It knows of no writes to what it has not given away. */
		if (bitmap[i / 64] >> i % 64 & 1 && GC_is_heap_ptr(page))
			tell(page);
	}
}

/* A page's first write since the last collection. */
static void on_fault(uintptr_t address, uint32_t error_code, struct dune_trap_frame *frame,
		     void *arg)
{
	char *page = (char *)(address & ~(PAGE - 1));

	(void)frame;
	(void)arg;
	if (!GC_is_heap_ptr(page) || (error_code & DUNE_PF_HOST))
		app_fail("a page fault that is not the collector's", 0);
	tell(page);
}

static void on_event(GC_EventType event)
{
	unsigned int i;

	if (event == GC_EVENT_PRE_STOP_WORLD && way != WAY_FAULT)
		for (i = 0; i < n_sections; i++)
			tell_dirty(&sections[i]);
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
	struct sigaction action;

	way = wanted;
	setenv("GC_USE_GETWRITEWATCH", "0", 1); /* mprotect, not /proc's soft-dirty bits */
	setenv("GC_UNMAP_THRESHOLD", "0", 1); /* which would be by mprotect, too */
	GC_set_markers_count(1);
	GC_set_full_freq(19);
	GC_set_time_limit(GC_TIME_UNLIMITED); /* generational, not in slices of time */
	GC_INIT();
	if (way > WAY_LINUX) {
		app_must(dune_init(NULL), "dune_init");
		app_must(dune_enter(), "dune_enter");
	}
	if (way == WAY_STOP || way == WAY_DUNE_STOP)
		return;
	GC_enable_incremental();
	if (!GC_incremental_protection_needs())
		app_fail("the collector does not protect pages", 0);
	if (way == WAY_LINUX)
		return;
	sigaction(SIGSEGV, NULL, &action);
	collectors_handler = action.sa_sigaction;
	/* Before anything is split into small pages. */
	collectors_root = dune_root_create(DUNE_ROOT_DEFAULT);
	app_must(collectors_root, "dune_root_create");
	if (way == WAY_FAULT)
		app_must(dune_pgfault_set(on_fault, NULL), "dune_pgfault_set");
	GC_set_on_collection_event(on_event);
}
