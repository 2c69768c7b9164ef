// SPDX-License-Identifier: MIT
/* The process's own page tables: what protecting changes, what is looked up, what is refused. */
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#include "lib/dune_mode.h"

#define PAGE 4096ul
#define PRESENT 0x1ull
#define WRITE 0x2ull
#define USER 0x4ull
#define LARGE 0x80ull
#define NX (1ull << 63)

static uint64_t entry_of(const void *address, int *level)
{
	*level = 0;
	return dune_vm_lookup(address, level);
}

static bool refused(unsigned char *page)
{
	return dune_vm_protect(page + 1, PAGE, DUNE_PROT_READ) == -EINVAL &&
	       dune_vm_protect(page, PAGE + 1, DUNE_PROT_READ) == -EINVAL &&
	       dune_vm_protect(page, PAGE, 16) == -EINVAL &&
	       dune_vm_protect(page, 1ul << 47, DUNE_PROT_READ) == -EINVAL &&
	       dune_vm_protect((void *)(-PAGE), PAGE, DUNE_PROT_READ) == -EINVAL;
}

static bool only_its_page_changes(unsigned char *page)
{
	int level, before, after;

	if (dune_vm_protect(page + PAGE, PAGE, DUNE_PROT_READ))
		return false;
	return !(entry_of(page + PAGE, &level) & WRITE) && level == 1 &&
	       (entry_of(page, &before) & WRITE) && before == 1 &&
	       (entry_of(page + 2 * PAGE, &after) & WRITE) && after == 1;
}

static bool bits_follow_the_protection(unsigned char *page)
{
	static const struct {
		int prot;
		uint64_t bits;
	} want[] = {
		{ DUNE_PROT_NONE, NX },
		{ DUNE_PROT_READ, PRESENT | NX },
		{ DUNE_PROT_WRITE, PRESENT | WRITE | NX },
		{ DUNE_PROT_EXEC, PRESENT },
		{ DUNE_PROT_READ | DUNE_PROT_WRITE | DUNE_PROT_EXEC, PRESENT | WRITE },
		{ DUNE_PROT_USER, PRESENT | USER | NX },
		{ DUNE_PROT_USER | DUNE_PROT_EXEC, PRESENT | USER },
		{ DUNE_PROT_USER | DUNE_PROT_WRITE, PRESENT | WRITE | USER | NX },
		{ DUNE_PROT_READ | DUNE_PROT_WRITE, PRESENT | WRITE | NX },
	};
	bool ok = true;
	size_t i;
	int level;

	for (i = 0; i < sizeof(want) / sizeof(*want); i++) {
		ok &= dune_vm_protect(page, PAGE, want[i].prot) == 0;
		ok &= (entry_of(page, &level) & (PRESENT | WRITE | USER | NX)) == want[i].bits;
	}
	return ok;
}

int main(void)
{
	unsigned char *page;
	uint64_t entry;
	int level;

	ktap_plan(8);
	page = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		ktap_bail("mmap");
	ktap_check(entry_of(page, &level) == 0, "nothing is mapped before dune_init()");
	must_init_and_enter();
	page[0] = 1;
	entry = entry_of(page, &level);
	ktap_check((entry & (PRESENT | LARGE)) == (PRESENT | LARGE) && level >= 2,
		   "memory that was touched is mapped by a large entry");
	ktap_check(entry_of((void *)(1ul << 47), &level) == 0,
		   "nothing is mapped above user space");
	ktap_check(only_its_page_changes(page), "one page is protected, its neighbours are not");
	ktap_check(bits_follow_the_protection(page), "entries say what was asked for");
	page[0] = 2;
	ktap_check(((volatile unsigned char *)page)[0] == 2, "the page can be used again");
	ktap_check(refused(page), "bad ranges and protections are refused");
	dune_leave();
	ktap_check(dune_vm_protect(page, PAGE, DUNE_PROT_READ) == -EPERM,
		   "refused outside Dune mode");
	return ktap_exit_status();
}
