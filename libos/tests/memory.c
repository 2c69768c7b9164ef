// SPDX-License-Identifier: MIT
/* What Linux does to memory is what the guest sees: checked by content after every change. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/dune_mode.h"

#define PAGE 4096ul
#define HUGE (2ul << 20)

static volatile uintptr_t fault_at;
static volatile int faults;

/* Turn a host fault into "skip the load": every probe is a 3-byte or shorter mov via this. */
static void on_fault(uintptr_t address, uint32_t error, struct dune_trap_frame *frame,
		     void *arg)
{
	(void)arg;
	(void)error;
	faults++;
	fault_at = address;
	frame->rip = frame->r15; /* where the probe wants to go on */
}

/* -1 if the access faults, else the byte. */
static int peek(const volatile void *address)
{
	unsigned long value = 0;
	int before = faults;

	asm volatile("lea 1f(%%rip), %%r15\n\tmovzbl (%1), %k0\n1:"
		     : "+r"(value)
		     : "r"(address)
		     : "r15", "memory");
	return faults == before ? (int)value : -1;
}

static bool poke(volatile void *address, unsigned char value)
{
	int before = faults;

	asm volatile("lea 1f(%%rip), %%r15\n\tmovb %1, (%0)\n1:" ::"r"(address), "q"(value)
		     : "r15", "memory");
	return faults == before;
}

static unsigned char *map(size_t size, int prot)
{
	void *at = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		ktap_bail("mmap of %zu bytes", size);
	return at;
}

static bool mprotect_is_seen(void)
{
	unsigned char *m = map(PAGE, PROT_READ | PROT_WRITE);
	bool ok = poke(m, 1) && peek(m) == 1;

	mprotect(m, PAGE, PROT_READ);
	ok &= peek(m) == 1 && !poke(m, 2) && fault_at == (uintptr_t)m;
	mprotect(m, PAGE, PROT_NONE);
	ok &= peek(m) == -1;
	mprotect(m, PAGE, PROT_READ | PROT_WRITE);
	ok &= peek(m) == 1 && poke(m, 3) && peek(m) == 3;
	munmap(m, PAGE);
	return ok;
}

static bool munmap_and_reuse(void)
{
	unsigned char *m = map(PAGE, PROT_READ | PROT_WRITE);
	bool ok = poke(m, 7);

	munmap(m, PAGE);
	ok &= peek(m) == -1;
	ok &= mmap(m, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == m;
	ok &= peek(m) == 0 && poke(m, 8);
	/* MAP_FIXED over it, without unmapping first */
	ok &= mmap(m, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == m;
	ok &= peek(m) == 0;
	munmap(m, PAGE);
	return ok;
}

static bool dontneed_zeroes(void)
{
	unsigned char *m = map(HUGE, PROT_READ | PROT_WRITE);
	bool ok = true;
	size_t i;

	for (i = 0; i < HUGE; i += PAGE)
		ok &= poke(m + i, 5);
	madvise(m, HUGE, MADV_DONTNEED);
	for (i = 0; i < HUGE; i += PAGE)
		ok &= peek(m + i) == 0;
	munmap(m, HUGE);
	return ok;
}

static bool mremap_moves(void)
{
	unsigned char *m = map(8 * PAGE, PROT_READ | PROT_WRITE), *n;
	bool ok = poke(m, 1) && poke(m + 7 * PAGE, 2);

	n = mremap(m, 8 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
	ok &= n != MAP_FAILED && peek(n) == 1 && peek(n + 7 * PAGE) == 2;
	ok &= n == m || peek(m) == -1;
	munmap(n, 64 * PAGE);
	return ok;
}

/* An aligned large page: mapped whole, then broken up by mprotect and by fork. */
static bool large_pages(void)
{
	unsigned char *area = map(3 * HUGE, PROT_READ | PROT_WRITE);
	unsigned char *m = (void *)(((uintptr_t)area + HUGE - 1) & ~(HUGE - 1));
	bool ok = true;
	size_t i;
	pid_t pid;
	int status = -1;

	madvise(m, HUGE, MADV_HUGEPAGE);
	for (i = 0; i < HUGE; i += PAGE)
		ok &= poke(m + i, (unsigned char)(i / PAGE));
	/* Both sides of a split page stay right. */
	mprotect(m + HUGE / 2, PAGE, PROT_READ);
	ok &= !poke(m + HUGE / 2, 0) && poke(m + HUGE / 2 + PAGE, 99);
	ok &= peek(m + HUGE / 2 + PAGE) == 99;
	mprotect(m + HUGE / 2, PAGE, PROT_READ | PROT_WRITE);
	ok &= poke(m + HUGE / 2 + PAGE, (unsigned char)(HUGE / 2 / PAGE + 1));
	pid = fork();
	if (pid == 0) {
		memset(m, 0xee, HUGE);
		_exit(m[HUGE - 1] == 0xee ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	for (i = 0; i < HUGE; i += PAGE)
		ok &= peek(m + i) == (unsigned char)(i / PAGE);
	munmap(area, 3 * HUGE);
	return ok && status == 0;
}

static bool file_mapping(void)
{
	char path[] = "/tmp/memory.XXXXXX";
	int fd = mkstemp(path);
	unsigned char *shared, *private;
	char byte = 0;
	bool ok;

	unlink(path);
	ok = !ftruncate(fd, 2 * PAGE);
	shared = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ok &= peek(private) == 0 && poke(shared, 'a') && peek(private) == 'a';
	ok &= pread(fd, &byte, 1, 0) == 1 && byte == 'a';
	ok &= pwrite(fd, "b", 1, 0) == 1 && peek(shared) == 'b' && peek(private) == 'b';
	ok &= poke(private, 'c') && peek(shared) == 'b' && peek(private) == 'c';
	ok &= poke(shared + PAGE, 'd');
	/* Pages beyond the end of the file are gone: SIGBUS for Linux, a fault here. */
	ok &= !ftruncate(fd, PAGE) && peek(shared + PAGE) == -1 && peek(shared) == 'b';
	munmap(shared, 2 * PAGE);
	munmap(private, 2 * PAGE);
	close(fd);
	return ok;
}

static bool read_then_write_of_untouched(void)
{
	unsigned char *m = map(64 * PAGE, PROT_READ | PROT_WRITE);
	bool ok = true;
	size_t i;

	/* The zero page first: the copy on write must replace it. */
	for (i = 0; i < 64; i++)
		ok &= peek(m + i * PAGE) == 0;
	for (i = 0; i < 64; i++)
		ok &= poke(m + i * PAGE, (unsigned char)i + 1);
	for (i = 0; i < 64; i++)
		ok &= peek(m + i * PAGE) == (int)i + 1;
	munmap(m, 64 * PAGE);
	return ok;
}

/* Linux lets what can be written or executed be read, too. */
static bool odd_protections(void)
{
	unsigned char *m = map(2 * PAGE, PROT_READ | PROT_WRITE);
	bool ok = poke(m, 4) && poke(m + PAGE, 0xc3);

	mprotect(m, PAGE, PROT_WRITE);
	mprotect(m + PAGE, PAGE, PROT_EXEC);
	ok &= peek(m) == 4 && poke(m, 6) && peek(m) == 6;
	((void (*)(void))(m + PAGE))();
	ok &= peek(m + PAGE) == 0xc3 && !poke(m + PAGE, 0);
	munmap(m, 2 * PAGE);
	/* Neither read nor yet touched: the first access is a read. */
	m = map(PAGE, PROT_WRITE);
	ok &= peek(m) == 0;
	munmap(m, PAGE);
	return ok;
}

/*
 * A page that Linux believes clean, read and then written by the guest: the
 * write must count, or reclaim throws the page away.
 */
static bool written_pages_are_kept(void)
{
	size_t size = 64 * PAGE, i;
	unsigned char *m = map(size, PROT_READ | PROT_WRITE);
	bool ok = true;

	madvise(m, size, MADV_NOHUGEPAGE);
	memset(m, 'A', size);
	ok &= !madvise(m, size, MADV_FREE);
	for (i = 0; i < size; i += PAGE)
		ok &= peek(m + i) == 'A' && poke(m + i, 'B');
	for (i = 0; i < 4; i++)
		madvise(m, size, MADV_PAGEOUT);
	for (i = 0; i < size; i += PAGE)
		ok &= peek(m + i) == 'B';
	munmap(m, size);
	return ok;
}

/*
 * Two threads: one changes mappings, one checks that it never sees a stale page.
 * The word only counts up or, on a fresh page, is 0. What the reader may see, and
 * how often it has looked, are told on a page that does not change.
 */
struct race {
	unsigned char *page;
	volatile int stop;
	unsigned int allowed; /* twice the least value, and 1 if 0 may be seen, too */
	unsigned long looks;
};

static void *reader(void *arg)
{
	struct race *race = arg;
	volatile unsigned int *word = (volatile unsigned int *)race->page;
	bool ok = true;

	while (!race->stop) {
		unsigned int allowed = __atomic_load_n(&race->allowed, __ATOMIC_SEQ_CST);
		unsigned int value = word[0];

		if (__atomic_load_n(&race->allowed, __ATOMIC_SEQ_CST) == allowed &&
		    value < allowed / 2 && !(allowed & 1 && value == 0))
			ok = false;
		__atomic_store_n(&race->looks, race->looks + 1, __ATOMIC_SEQ_CST);
	}
	return (void *)ok;
}

/* From here on that much at least, or 0; and wait until the reader has looked. */
static void race_tell(struct race *race, unsigned int least, bool or_zero)
{
	unsigned long looks;

	__atomic_store_n(&race->allowed, 2 * least + or_zero, __ATOMIC_SEQ_CST);
	looks = __atomic_load_n(&race->looks, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&race->looks, __ATOMIC_SEQ_CST) < looks + 2)
		sched_yield();
}

static bool races_show_no_stale_page(void)
{
	struct race race = { .page = map(PAGE, PROT_READ | PROT_WRITE) };
	volatile unsigned int *word = (volatile unsigned int *)race.page;
	pthread_t thread;
	void *ok;
	unsigned int i;
	bool mine = true;

	pthread_create(&thread, NULL, reader, &race);
	for (i = 1; i < 300; i++) {
		word[0] = i;
		if (i % 3 == 0) {
			race_tell(&race, i, true);
			madvise(race.page, PAGE, MADV_DONTNEED);
			/* Any other value would come from the page that is gone. */
			mine &= word[0] == 0;
			race_tell(&race, i + 1, true);
		} else if (i % 3 == 1) {
			race_tell(&race, i, false); /* nor the page of zeros any more */
			mprotect(race.page, PAGE, PROT_READ);
			mine &= word[0] == i;
			mprotect(race.page, PAGE, PROT_READ | PROT_WRITE);
		}
	}
	race.stop = 1;
	pthread_join(thread, &ok);
	munmap(race.page, PAGE);
	return mine && ok;
}

static int child_dies_of(unsigned char *at)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		freopen("/dev/null", "w", stderr);
		dune_pgfault_set(NULL, NULL);
		*(volatile unsigned char *)at = 1;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static volatile uintptr_t signal_address;

static void on_sigsegv(int signal, siginfo_t *info, void *context)
{
	unsigned char *page = (void *)((uintptr_t)info->si_addr & ~(PAGE - 1));

	(void)signal;
	(void)context;
	signal_address = (uintptr_t)info->si_addr;
	mprotect(page, PAGE, PROT_READ | PROT_WRITE);
}

/* The classic: a SIGSEGV handler that repairs the page and returns. */
static bool sigsegv_handler_repairs(void)
{
	struct sigaction action = { .sa_sigaction = on_sigsegv, .sa_flags = SA_SIGINFO };
	unsigned char *m = map(PAGE, PROT_NONE);
	bool ok;

	dune_pgfault_set(NULL, NULL);
	sigaction(SIGSEGV, &action, NULL);
	*(volatile unsigned char *)(m + 12) = 9;
	ok = signal_address == (uintptr_t)m + 12 && m[12] == 9;
	signal(SIGSEGV, SIG_DFL);
	dune_pgfault_set(on_fault, NULL);
	munmap(m, PAGE);
	return ok;
}

int main(void)
{
	struct dune_counters counters;
	unsigned char *none;
	int error;

	ktap_plan(14);
	must_init_and_enter();
	dune_pgfault_set(on_fault, NULL);
	ktap_check(read_then_write_of_untouched(), "read, then write of untouched pages");
	ktap_check(mprotect_is_seen(), "mprotect");
	ktap_check(munmap_and_reuse(), "munmap and MAP_FIXED");
	ktap_check(dontneed_zeroes(), "MADV_DONTNEED");
	ktap_check(mremap_moves(), "mremap");
	ktap_check(large_pages(), "large pages, split by mprotect and fork");
	error = dune_counters_get(&counters);
	ktap_check(!error && counters.tdp_maps_2m > 0,
		   "the nested table had large pages too: %lu", counters.tdp_maps_2m);
	ktap_check(file_mapping(), "shared and private file mappings, truncation");
	ktap_check(written_pages_are_kept(), "pages written through a clean entry are kept");
	ktap_check(odd_protections(), "write-only and execute-only mappings");
	ktap_check(races_show_no_stale_page(), "no stale page under invalidation");
	none = map(PAGE, PROT_NONE);
	ktap_check(child_dies_of(none) == SIGSEGV, "PROT_NONE without handler: SIGSEGV");
	ktap_check(sigsegv_handler_repairs(), "a SIGSEGV handler sees the address and repairs");
	error = dune_counters_get(&counters);
	ktap_check(!error && counters.invalidations > 100,
		   "invalidations were counted: %lu", counters.invalidations);
	return ktap_exit_status();
}
