// SPDX-License-Identifier: MIT
/* Mapping and unmapping: memory shown at another address, holes, and what is refused. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/access.h"
#include "lib/dune_mode.h"

#define PAGE 4096ul
#define HUGE (2ul << 20)
#define GIB (1ul << 30)
#define RW (DUNE_PROT_READ | DUNE_PROT_WRITE)

static unsigned char *anonymous(size_t size, size_t align, int prot)
{
	unsigned char *at = mmap(NULL, size + align, prot,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		ktap_bail("mmap");
	return (unsigned char *)(((uintptr_t)at + align - 1) & ~(align - 1));
}

static bool faults(const void *at)
{
	uint64_t value;

	return !access_load(at, &value);
}

static bool holds(const void *at, uint64_t want)
{
	uint64_t value;

	return access_load(at, &value) && value == want;
}

static bool alias_is_the_same_memory(void)
{
	unsigned char *a = anonymous(4 * PAGE, PAGE, PROT_READ | PROT_WRITE), *b = a + 2 * PAGE;
	bool ok;

	*(uint64_t *)a = 1;
	*(uint64_t *)(a + PAGE) = 2;
	*(uint64_t *)b = 3;
	ok = !dune_vm_map(DUNE_ROOT_CURRENT, b, 2 * PAGE, a, RW) && holds(b, 1) &&
	     holds(b + PAGE, 2) && access_store((uint64_t *)b, 4) && holds(a, 4);
	/* Its own memory was never touched. */
	return ok && !dune_vm_map(DUNE_ROOT_CURRENT, b, 2 * PAGE, b, RW) && holds(b, 3) &&
	       holds(a, 4);
}

static bool alias_has_its_own_protection(void)
{
	unsigned char *a = anonymous(2 * PAGE, PAGE, PROT_READ | PROT_WRITE), *b = a + PAGE;
	bool ok;

	ok = !dune_vm_map(DUNE_ROOT_CURRENT, b, PAGE, a, DUNE_PROT_READ) &&
	     access_store((uint64_t *)a, 7) && holds(b, 7) && !access_store((uint64_t *)b, 8);
	ok &= !dune_vm_map(DUNE_ROOT_CURRENT, b, PAGE, a, DUNE_PROT_NONE) && faults(b);
	return ok && !dune_vm_protect(b, PAGE, RW) && access_store((uint64_t *)b, 9) &&
	       holds(a, 9);
}

static bool linux_sees_its_own_mapping(void)
{
	unsigned char *a = anonymous(2 * PAGE, PAGE, PROT_READ | PROT_WRITE), *b = a + PAGE;
	int pipes[2];
	char got = 0;

	*a = 'a';
	*b = 'b';
	if (pipe(pipes) || dune_vm_map(DUNE_ROOT_CURRENT, b, PAGE, a, RW) ||
	    *(volatile char *)b != 'a')
		return false;
	if (write(pipes[1], b, 1) != 1 || read(pipes[0], &got, 1) != 1)
		return false;
	close(pipes[0]);
	close(pipes[1]);
	return got == 'b';
}

static bool large_alias_is_one_entry(void)
{
	unsigned char *a = anonymous(4 * HUGE, HUGE, PROT_READ | PROT_WRITE), *b = a + 2 * HUGE;
	int level = 0, beside = 0, inside = 0;
	bool ok;

	*(uint64_t *)(a + 5 * PAGE) = 5;
	*(uint64_t *)(a + HUGE + 6 * PAGE) = 6;
	ok = !dune_vm_map(DUNE_ROOT_CURRENT, b, 2 * HUGE, a, RW) && holds(b + 5 * PAGE, 5) &&
	     holds(b + HUGE + 6 * PAGE, 6);
	ok &= (dune_vm_lookup(b, &level) & DUNE_PTE_LARGE) && level == 2;
	/* A page in the middle of it splits that one alone. */
	ok &= !dune_vm_map(DUNE_ROOT_CURRENT, b + 5 * PAGE, PAGE, a + 7 * PAGE, RW);
	dune_vm_lookup(b, &inside);
	dune_vm_lookup(b + HUGE, &beside);
	return ok && inside == 1 && beside == 2 && holds(b + 5 * PAGE, 0) &&
	       holds(b + HUGE + 6 * PAGE, 6) && access_store((uint64_t *)(b + 6 * PAGE), 66) &&
	       holds(a + 6 * PAGE, 66);
}

static bool protecting_keeps_large_entries(void)
{
	unsigned char *a = anonymous(2 * HUGE, HUGE, PROT_READ | PROT_WRITE);
	int level = 0;

	return !dune_vm_protect(a, HUGE, DUNE_PROT_READ) && dune_vm_lookup(a, &level) &&
	       level == 2 && !access_store((uint64_t *)(a + 9 * PAGE), 1) &&
	       access_store((uint64_t *)(a + HUGE), 1) && !dune_vm_protect(a, HUGE, RW) &&
	       access_store((uint64_t *)(a + 9 * PAGE), 1);
}

static bool unmapped_pages_fault(void)
{
	unsigned char *a = anonymous(3 * PAGE, PAGE, PROT_READ | PROT_WRITE);
	int level;

	*(uint64_t *)(a + PAGE) = 11;
	return !dune_vm_unmap(DUNE_ROOT_CURRENT, a + PAGE, PAGE) && faults(a + PAGE) &&
	       holds(a, 0) && holds(a + 2 * PAGE, 0) && !dune_vm_lookup(a + PAGE, &level) &&
	       dune_vm_protect(a + PAGE, PAGE, RW) == -EFAULT &&
	       !dune_vm_map(DUNE_ROOT_CURRENT, a + PAGE, PAGE, a + PAGE, RW) && holds(a + PAGE, 11);
}

static bool unmapped_gib_stays_unmapped(void)
{
	unsigned char *a = anonymous(2 * GIB, GIB, PROT_READ | PROT_WRITE);

	if (dune_vm_unmap(DUNE_ROOT_CURRENT, a, GIB) || !faults(a) || !faults(a + GIB - 8) ||
	    !holds(a + GIB, 0))
		return false;
	return !dune_vm_map(DUNE_ROOT_CURRENT, a + 8 * HUGE, PAGE, a + GIB, RW) &&
	       holds(a + 8 * HUGE, 0) && faults(a + 8 * HUGE + PAGE);
}

static bool wrong_ranges_are_refused(void)
{
	unsigned char *a = anonymous(2 * PAGE, PAGE, PROT_READ | PROT_WRITE);
	unsigned char *end = (void *)(1ul << 47);
	const int now = DUNE_ROOT_CURRENT;

	return dune_vm_map(now, a + 1, PAGE, a, RW) == -EINVAL &&
	       dune_vm_map(now, a, PAGE + 1, a, RW) == -EINVAL &&
	       dune_vm_map(now, a, PAGE, a + 1, RW) == -EINVAL &&
	       dune_vm_map(now, a, PAGE, a, 16) == -EINVAL &&
	       dune_vm_map(now, a, PAGE, a, -1) == -EINVAL &&
	       dune_vm_map(now, end, PAGE, a, RW) == -EINVAL &&
	       dune_vm_map(now, end - PAGE, 2 * PAGE, a, RW) == -EINVAL &&
	       dune_vm_map(now, a, 2 * PAGE, end - PAGE, RW) == -EINVAL &&
	       dune_vm_map(now, a, PAGE, (void *)-PAGE, RW) == -EINVAL &&
	       dune_vm_map(now, a, -PAGE, a, RW) == -EINVAL &&
	       dune_vm_map(-3, a, PAGE, a, RW) == -EINVAL &&
	       dune_vm_map(7, a, PAGE, a, RW) == -EINVAL &&
	       dune_vm_map(DUNE_ROOTS_MAX, a, PAGE, a, RW) == -EINVAL &&
	       dune_vm_unmap(now, a + 1, PAGE) == -EINVAL &&
	       dune_vm_unmap(now, end, PAGE) == -EINVAL && dune_vm_unmap(5, a, PAGE) == -EINVAL &&
	       dune_vm_map(now, a, 0, a, RW) == 0 && holds(a, 0);
}

struct table {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

static bool is_kept(uint64_t address)
{
	unsigned char *page = (unsigned char *)(address & ~(PAGE - 1));
	const int now = DUNE_ROOT_CURRENT;

	return dune_vm_protect(page, PAGE, DUNE_PROT_READ) == -EBUSY &&
	       dune_vm_unmap(now, page, PAGE) == -EBUSY &&
	       dune_vm_unmap(now, page - HUGE, 2 * HUGE) == -EBUSY &&
	       dune_vm_map(now, page, PAGE, page, RW) == -EBUSY;
}

static bool libdunes_own_is_kept(void)
{
	struct table gdt, idt;
	uint64_t gate[2];

	asm volatile("sgdt %0" : "=m"(gdt));
	asm volatile("sidt %0" : "=m"(idt));
	memcpy(gate, (const void *)(idt.base + 14 * 16), sizeof(gate));
	return is_kept(gdt.base) && is_kept(gdt.base + 8 * PAGE) && is_kept(idt.base) &&
	       is_kept((gate[0] & 0xffff) | (gate[0] >> 48) << 16 | gate[1] << 32);
}

static bool slots_run_out(void)
{
	unsigned char *a = anonymous(PAGE, PAGE, PROT_READ | PROT_WRITE);
	int ret = 0;
	uint64_t i;

	for (i = 1; i < 5000 && !ret; i++)
		ret = dune_vm_map(DUNE_ROOT_CURRENT, a, PAGE, (void *)(i << 30), RW);
	return ret == -ENOSPC && !dune_vm_map(DUNE_ROOT_CURRENT, a, PAGE, a, RW) && holds(a, 0);
}

int main(void)
{
	unsigned char *page = anonymous(PAGE, PAGE, PROT_READ | PROT_WRITE);

	ktap_plan(12);
	if (dune_init(NULL))
		ktap_bail("dune_init");
	dune_pgfault_set(access_fault, NULL);
	ktap_check(dune_vm_map(DUNE_ROOT_CURRENT, page, PAGE, page, RW) == -EPERM &&
			   dune_vm_unmap(DUNE_ROOT_DEFAULT, page, PAGE) == -EPERM &&
			   dune_vm_flush() == -EPERM,
		   "not in Linux mode");
	must_enter();
	ktap_check(alias_is_the_same_memory(), "two addresses show the same memory");
	ktap_check(alias_has_its_own_protection(), "an alias has a protection of its own");
	ktap_check(linux_sees_its_own_mapping(), "system calls see what Linux has there");
	ktap_check(large_alias_is_one_entry(), "2 MiB are one entry until a page differs");
	ktap_check(protecting_keeps_large_entries(), "2 MiB are protected as one entry");
	ktap_check(unmapped_pages_fault(), "a page that is unmapped faults, and comes back");
	ktap_check(unmapped_gib_stays_unmapped(), "a GiB that is unmapped is not filled in again");
	ktap_check(wrong_ranges_are_refused(), "ranges, protections and roots that are none");
	ktap_check(libdunes_own_is_kept(), "what libdune needs is not to be edited");
	ktap_check(slots_run_out(), "memory in more GiBs than there are slots");
	ktap_check(dune_vm_flush() == 0, "a flush with one thread");
	return ktap_exit_status();
}
