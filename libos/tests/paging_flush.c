// SPDX-License-Identifier: MIT
/*
 * Flushing what other threads remember. Readers access a page over and over
 * without leaving the guest; a changer edits its entry, flushes, and only then
 * says so: one access through the old translation that begins after that is seen.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#include "lib/access.h"
#include "lib/dune_mode.h"

#define PAGE 4096ul
#define READERS 1 /* a CPU each: who waits for a CPU has left the guest */
#define ROUNDS 300 /* or two seconds, where a machine lets the two run in turns */
#define RW (DUNE_PROT_READ | DUNE_PROT_WRITE)

static unsigned char *window, *frames; /* the window shows one of two, in turns */
static volatile uint64_t current;      /* what the window says, or 0: who knows */
static volatile uint64_t closed;       /* round in which no access succeeds, or 0 */
static volatile bool done;

static struct reader {
	volatile uint64_t turns, stale;
	pthread_t thread;
} readers[READERS];

static void *read_on(void *arg)
{
	struct reader *reader = arg;
	uint64_t value;

	while (!done) {
		uint64_t shut = closed, round = current;
		bool open = access_load((uint64_t *)window, &value);

		/* Unless a change came in between, which it may. */
		if (open && (shut || (round && value != round)) && round == current &&
		    shut == closed)
			reader->stale++;
		reader->turns++;
	}
	return NULL;
}

/* Until those that run at all have the present translation. */
static void let_them_read(void)
{
	uint64_t before[READERS];
	volatile int spins; /* without PAUSE, by which QEMU stalls its other CPUs */
	int i, moved;

	for (i = 0; i < READERS; i++)
		before[i] = readers[i].turns;
	do {
		for (moved = i = 0; i < READERS; i++)
			moved += readers[i].turns > before[i] + 2;
		for (spins = 0; spins < 1000; spins++)
			;
	} while (!moved);
}

static void show(uint64_t round)
{
	unsigned char *frame = frames + (round & 1) * PAGE;

	*(volatile uint64_t *)frame = round;
	dune_vm_map(DUNE_ROOT_CURRENT, window, PAGE, frame, RW);
}

static uint64_t readers_run(void (*round)(uint64_t))
{
	time_t end = time(NULL) + 2;
	uint64_t i, stale = 0;

	done = false;
	closed = 0;
	current = 2;
	show(current);
	dune_vm_flush();
	memset(readers, 0, sizeof(readers));
	for (i = 0; i < READERS; i++)
		if (pthread_create(&readers[i].thread, NULL, read_on, &readers[i]))
			ktap_bail("pthread_create");
	for (i = 3; i < ROUNDS && time(NULL) < end; i++) {
		round(i);
		let_them_read();
	}
	done = true;
	for (i = 0; i < READERS; i++) {
		pthread_join(readers[i].thread, NULL);
		stale += readers[i].stale;
	}
	if (stale)
		printf("# %lu accesses were stale\n", stale);
	return stale;
}

static void remap(uint64_t round)
{
	current = 0;
	show(round);
	if (dune_vm_flush())
		readers[0].stale = 1ul << 32;
	current = round; /* from here on nobody sees the other frame, which says less */
}

static void shut(uint64_t round)
{
	(void)round;
	dune_vm_protect(window, PAGE, DUNE_PROT_NONE);
	dune_vm_flush();
	closed = round;
	let_them_read();
	closed = 0;
	dune_vm_protect(window, PAGE, RW);
}

static void unmap(uint64_t round)
{
	dune_vm_unmap(DUNE_ROOT_DEFAULT, window, PAGE);
	dune_vm_flush();
	closed = round;
	let_them_read();
	closed = 0;
	show(current);
}

int main(void)
{
	ktap_plan(3);
	frames = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	window = frames + 2 * PAGE;
	must_init_and_enter();
	dune_pgfault_set(access_fault, NULL);
	ktap_check(!readers_run(shut), "a page that was protected and flushed is closed to all");
	ktap_check(!readers_run(unmap), "a page that was unmapped and flushed is gone for all");
	ktap_check(!readers_run(remap), "a page that was mapped and flushed is new for all");
	return ktap_exit_status();
}
