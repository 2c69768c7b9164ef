// SPDX-License-Identifier: MIT
/* Walking the entries of a range, changing them on the way, and their accessed and dirty bits. */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#include "lib/access.h"
#include "lib/dune_mode.h"

#define PAGE 4096ul
#define HUGE (2ul << 20)
#define PAGES 512ul
#define NOW DUNE_ROOT_CURRENT

static unsigned char *area; /* 4 MiB, aligned: pages, then one large entry */

struct seen {
	unsigned int small, large, other, stop_after;
	uintptr_t last;
	bool ascending;
};

static int look(struct dune_leaf *leaf, void *arg)
{
	struct seen *seen = arg;

	if (leaf->size == PAGE)
		seen->small++;
	else if (leaf->size == HUGE)
		seen->large++;
	else
		seen->other++;
	seen->ascending &= leaf->address > seen->last && !(leaf->address & (leaf->size - 1));
	seen->last = leaf->address;
	return seen->stop_after && seen->small == seen->stop_after ? 42 : 0;
}

static bool each_entry_once(void)
{
	struct seen seen = { .ascending = true };

	return !dune_vm_walk(NOW, area, 2 * HUGE, look, &seen) && seen.small == PAGES &&
	       seen.large == 1 && !seen.other && seen.ascending;
}

static bool a_part_of_an_entry_is_the_entry(void)
{
	struct seen seen = { .ascending = true };

	return !dune_vm_walk(NOW, area + HUGE + PAGE, PAGE, look, &seen) && seen.large == 1 &&
	       !seen.small && seen.last == (uintptr_t)area + HUGE &&
	       !dune_vm_walk(NOW, area, 0, look, &seen) && seen.large == 1;
}

static bool holes_are_passed(void)
{
	struct seen seen = { .ascending = true };
	bool ok = !dune_vm_unmap(NOW, area + 3 * PAGE, 5 * PAGE) &&
		  !dune_vm_protect(area + 9 * PAGE, PAGE, DUNE_PROT_NONE) &&
		  !dune_vm_walk(NOW, area, HUGE, look, &seen) && seen.small == PAGES - 5;

	return ok && !dune_vm_map(NOW, area, HUGE, area, DUNE_PROT_WRITE);
}

static bool stops_when_told(void)
{
	struct seen seen = { .ascending = true, .stop_after = 10 };

	return dune_vm_walk(NOW, area, HUGE, look, &seen) == 42 && seen.small == 10;
}

struct change {
	uint64_t clear, set;
	unsigned int calls;
};

static int change(struct dune_leaf *leaf, void *arg)
{
	struct change *c = arg;

	c->calls++;
	leaf->entry = (leaf->entry & ~c->clear) | c->set;
	return 0;
}

static bool changes_take_effect(void)
{
	struct change readonly = { .clear = DUNE_PTE_WRITE }, soft = { .set = DUNE_PTE_SOFT },
		      back = { .set = DUNE_PTE_WRITE, .clear = DUNE_PTE_SOFT };
	uint64_t *word = (uint64_t *)(area + 20 * PAGE);
	int level;
	bool ok = access_store(word, 1) && !dune_vm_walk(NOW, word, PAGE, change, &readonly) &&
		  !access_store(word, 2) && *word == 1 && readonly.calls == 1;

	ok &= !dune_vm_walk(NOW, word, PAGE, change, &soft) &&
	      (dune_vm_lookup(word, &level) & DUNE_PTE_SOFT) == DUNE_PTE_SOFT && *word == 1;
	return ok && !dune_vm_walk(NOW, word, PAGE, change, &back) && access_store(word, 3);
}

static bool impossible(void *at, uint64_t clear, uint64_t set, int want)
{
	struct change c = { .clear = clear, .set = set };
	int level;
	uint64_t before = dune_vm_lookup(at, &level);

	return dune_vm_walk(NOW, at, PAGE, change, &c) == want &&
	       dune_vm_lookup(at, &level) == before;
}

static bool nonsense_is_refused(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) idt;
	struct seen seen = { .ascending = true };

	asm volatile("sidt %0" : "=m"(idt));
	return impossible(area, 0, DUNE_PTE_LARGE, -EINVAL) && /* the PAT bit of a page */
	       impossible(area + HUGE, DUNE_PTE_LARGE, 0, -EINVAL) &&
	       impossible(area + HUGE, 0, PAGE, -EINVAL) &&
	       impossible(area, 0, 1ull << 39, -EINVAL) &&
	       impossible((void *)(idt.base & ~(PAGE - 1)), DUNE_PTE_WRITE, 0, -EBUSY) &&
	       dune_vm_walk(NOW, area + 1, PAGE, look, &seen) == -EINVAL &&
	       dune_vm_walk(NOW, area, 1ul << 47, look, &seen) == -EINVAL &&
	       dune_vm_walk(9, area, PAGE, look, &seen) == -EINVAL;
}

static bool taken(uint64_t what, uint64_t *map)
{
	return dune_vm_bits_take(NOW, area, HUGE, what, map) >= 0;
}

static bool is_set(const uint64_t *map, unsigned int page)
{
	return map[page / 64] >> page % 64 & 1;
}

static bool dirty_pages_are_told_once(void)
{
	uint64_t map[PAGES / 64], again[PAGES / 64];
	unsigned int i, wrong = 0;
	volatile uint64_t sum = 0;

	taken(DUNE_PTE_DIRTY, map);
	for (i = 0; i < PAGES; i++)
		sum = sum + *(volatile uint64_t *)(area + i * PAGE);
	for (i = 0; i < PAGES; i += 7)
		*(volatile uint64_t *)(area + i * PAGE + 8 * (i % PAGES)) = i;
	if (dune_vm_bits_get(NOW, area, HUGE, DUNE_PTE_DIRTY, map) != 74 ||
	    dune_vm_bits_get(NOW, area, HUGE, DUNE_PTE_DIRTY, NULL) != 74 ||
	    dune_vm_bits_take(NOW, area, HUGE, DUNE_PTE_DIRTY, again) != 74 ||
	    memcmp(map, again, sizeof(map)))
		return false;
	for (i = 0; i < PAGES; i++)
		wrong += is_set(map, i) != (i % 7 == 0);
	memset(again, 0xff, sizeof(again));
	return !wrong && !dune_vm_bits_take(NOW, area, HUGE, DUNE_PTE_DIRTY, again) && !again[0];
}

static bool accessed_pages_are_told(void)
{
	uint64_t map[2] = { ~0ull, ~0ull };
	volatile uint64_t sum;

	if (dune_vm_bits_take(NOW, area, 100 * PAGE, DUNE_PTE_ACCESSED | DUNE_PTE_DIRTY, map) < 0)
		return false;
	sum = *(volatile uint64_t *)(area + 70 * PAGE);
	(void)sum;
	return dune_vm_bits_get(NOW, area, 100 * PAGE, DUNE_PTE_ACCESSED, map) == 1 && !map[0] &&
	       (map[1] & ~0ull >> 28) == 1ull << 6 &&
	       dune_vm_bits_get(NOW, area, 100 * PAGE, DUNE_PTE_DIRTY, NULL) == 0;
}

static bool large_entries_are_split_to_tell(void)
{
	uint64_t map[PAGES / 64];
	int level = 0;
	bool ok = dune_vm_bits_get(NOW, area + HUGE, HUGE, DUNE_PTE_DIRTY, map) == (long)PAGES &&
		  dune_vm_lookup(area + HUGE, &level) && level == 2;

	ok &= dune_vm_bits_take(NOW, area + HUGE, HUGE, DUNE_PTE_DIRTY, map) == (long)PAGES &&
	      dune_vm_lookup(area + HUGE, &level) && level == 1;
	area[HUGE + 17 * PAGE] = 1;
	return ok && dune_vm_bits_take(NOW, area + HUGE, HUGE, DUNE_PTE_DIRTY, map) == 1 &&
	       is_set(map, 17);
}

static bool wrong_bits_are_refused(void)
{
	uint64_t map[1];

	return dune_vm_bits_get(NOW, area, PAGE, 0, map) == -EINVAL &&
	       dune_vm_bits_take(NOW, area, PAGE, DUNE_PTE_WRITE, map) == -EINVAL &&
	       dune_vm_bits_take(NOW, area, PAGE - 1, DUNE_PTE_DIRTY, map) == -EINVAL &&
	       dune_vm_bits_take(3, area, PAGE, DUNE_PTE_DIRTY, map) == -EINVAL;
}

/*
 * A thread that writes one page over and over, without leaving the guest: each
 * round its write must be told, also where its CPU remembers the page as dirty.
 */
static volatile uint64_t asked, answered;

static void *writer(void *unused)
{
	uint64_t round = 0;

	while (asked != ~0ull) {
		if (asked == round)
			continue;
		round = asked;
		*(volatile uint64_t *)(area + round % PAGES * PAGE) = round;
		*(volatile uint64_t *)(area + 3 * PAGE) = round;
		answered = round;
	}
	return unused;
}

static bool another_threads_writes_are_told(void)
{
	time_t end = time(NULL) + 2;
	uint64_t map[PAGES / 64], round;
	unsigned int lost = 0;
	pthread_t thread;

	taken(DUNE_PTE_DIRTY, map);
	if (pthread_create(&thread, NULL, writer, NULL))
		return false;
	for (round = 1; round <= 400 && time(NULL) < end; round++) {
		asked = round;
		while (answered != round)
			__builtin_ia32_pause();
		taken(DUNE_PTE_DIRTY, map);
		lost += !is_set(map, (unsigned int)(round % PAGES)) || !is_set(map, 3);
	}
	asked = ~0ull;
	pthread_join(thread, NULL);
	if (lost)
		printf("# %u rounds lost a write\n", lost);
	return !lost;
}

int main(void)
{
	ktap_plan(12);
	area = mmap(NULL, 3 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	area = (unsigned char *)(((uintptr_t)area + HUGE - 1) & ~(HUGE - 1));
	must_init_and_enter();
	dune_pgfault_set(access_fault, NULL);
	memset(area, 0, 2 * HUGE);
	dune_vm_protect(area, PAGE, DUNE_PROT_WRITE);
	if (dune_vm_map(NOW, area + HUGE, HUGE, area + HUGE, DUNE_PROT_WRITE))
		ktap_bail("dune_vm_map");
	area[HUGE] = 1;
	ktap_check(each_entry_once(), "each entry is visited once, in order");
	ktap_check(a_part_of_an_entry_is_the_entry(), "a part of a large entry is that entry");
	ktap_check(holes_are_passed(), "holes are passed over, pages without access are not");
	ktap_check(stops_when_told(), "the walk stops when it is told to");
	ktap_check(changes_take_effect(), "what is changed on the way takes effect");
	ktap_check(nonsense_is_refused(), "entries that cannot be are refused");
	ktap_check(dirty_pages_are_told_once(), "pages that were written are told once");
	ktap_check(accessed_pages_are_told(), "pages that were read are told");
	ktap_check(large_entries_are_split_to_tell(), "large entries are split to be cleared");
	ktap_check(wrong_bits_are_refused(), "other bits and ranges are refused");
	ktap_check(another_threads_writes_are_told(), "writes of another thread are told");
	dune_leave();
	ktap_check(dune_vm_walk(NOW, area, PAGE, look, NULL) == -EPERM &&
			   dune_vm_bits_get(NOW, area, PAGE, DUNE_PTE_DIRTY, NULL) == -EPERM,
		   "not in Linux mode");
	return ktap_exit_status();
}
