// SPDX-License-Identifier: MIT
/* Faults that end in signals, memory that is not the process's, references given back. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/access.h"
#include "lib/dune_mode.h"
#include "lib/truth.h"

/* A file of so many pages, mapped shared. */
static volatile unsigned char *memfd_map(size_t size, int prot, int *fd)
{
	void *at;

	*fd = memfd_create("faults", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0 || ftruncate(*fd, (off_t)size))
		ktap_bail("memfd");
	at = mmap(NULL, size, prot, MAP_SHARED, *fd, 0);
	if (at == MAP_FAILED)
		ktap_bail("mmap of a memfd");
	return at;
}

static volatile int signal_seen, signal_code;
static volatile uintptr_t signal_address;
static int signal_fd;

/* The file becomes long enough again: the access then succeeds. */
static void on_sigbus(int signal, siginfo_t *info, void *context)
{
	(void)context;
	signal_seen = signal;
	signal_code = info->si_code;
	signal_address = (uintptr_t)info->si_addr;
	if (ftruncate(signal_fd, 2 * PAGE))
		_exit(99);
}

static bool sigbus_is_delivered(bool write)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };
	volatile unsigned char *map = memfd_map(2 * PAGE, PROT_READ | PROT_WRITE, &signal_fd);
	bool ok;

	map[PAGE + 8] = 5;
	if (sigaction(SIGBUS, &action, NULL) || ftruncate(signal_fd, PAGE))
		return false;
	signal_seen = 0;
	if (write)
		map[PAGE + 8] = 6;
	ok = map[PAGE + 8] == (write ? 6 : 0);
	ok &= signal_seen == SIGBUS && signal_code == BUS_ADRERR &&
	      signal_address == (uintptr_t)map + PAGE + 8;
	signal(SIGBUS, SIG_DFL);
	munmap((void *)map, 2 * PAGE);
	return !close(signal_fd) && ok;
}

static bool sigbus_kills(void)
{
	volatile unsigned char *map = memfd_map(2 * PAGE, PROT_READ | PROT_WRITE, &signal_fd);
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (ftruncate(signal_fd, 0))
			_exit(1);
		_exit(map[PAGE]);
	}
	waitpid(pid, &status, 0);
	munmap((void *)map, 2 * PAGE);
	close(signal_fd);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS;
}

/* [vvar] lies before the vDSO: Linux writes to it, nobody else may. */
static uintptr_t vvar_address(void)
{
	char line[256];
	unsigned long start = 0;
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, "[vvar]"))
			sscanf(line, "%lx", &start);
	if (maps)
		fclose(maps);
	return start;
}

static uint64_t vvar_sum(const volatile uint64_t *vvar)
{
	uint64_t sum = 0, value;
	unsigned int i;

	for (i = 0; i < PAGE / 8; i++)
		if (access_load(&vvar[i], &value))
			sum = sum * 31 + value;
	return sum;
}

/* Its contents change under a reader in ring 0 that never leaves: it is the page itself. */
static bool vvar_moves(const volatile uint64_t *vvar)
{
	uint64_t first = vvar_sum(vvar);
	long turns;

	for (turns = 0; turns < 200000; turns++)
		if (vvar_sum(vvar) != first)
			return true;
	return false;
}

/* The vDSO in ring 0 against the system call, which reads the clock itself. */
static bool clock_agrees(void)
{
	struct timespec before, between, after;
	int i;

	for (i = 0; i < 500; i++) {
		raise(0);
		syscall(228, CLOCK_MONOTONIC, &before); /* SYS_clock_gettime */
		clock_gettime(CLOCK_MONOTONIC, &between);
		syscall(228, CLOCK_MONOTONIC, &after);
		if (between.tv_sec < before.tv_sec || after.tv_sec < between.tv_sec ||
		    (between.tv_sec == before.tv_sec && between.tv_nsec < before.tv_nsec) ||
		    (between.tv_sec == after.tv_sec && after.tv_nsec < between.tv_nsec))
			return false;
	}
	return true;
}

/*
 * A memfd can be sealed against writing only if nobody holds a reference to a
 * page but the file and mappings: the module, whose guest reads them, must not.
 */
static bool pages_are_not_held(void)
{
	unsigned int pages = 64, i;
	volatile unsigned char *map;
	unsigned long sum = 0;
	bool ok;
	int fd;

	map = memfd_map(pages * PAGE, PROT_READ | PROT_WRITE, &fd);
	for (i = 0; i < pages; i++)
		map[i * PAGE] = 1;
	munmap((void *)map, pages * PAGE);
	map = mmap(NULL, pages * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	for (i = 0; i < pages; i++)
		sum += map[i * PAGE];
	ok = sum == pages && !fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE);
	for (i = 0; i < pages; i++)
		sum += map[i * PAGE];
	munmap((void *)map, pages * PAGE);
	return !close(fd) && ok && sum == 2 * pages;
}

static long memory_free(void)
{
	char line[128];
	long kib = -1;
	FILE *file;

	file = fopen("/proc/meminfo", "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemFree: %ld", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib;
}

/* KASAN keeps what is freed for a while: up to a 32nd of memory (mm/kasan/quarantine.c). */
static long checkers_share(void)
{
	long total = sysconf(_SC_PHYS_PAGES) * (long)(PAGE / 1024);

	return access("/sys/kernel/debug/kmemleak", F_OK) ? 0 : total / 32;
}

/* 160 MiB pass through: a reference kept on one page in fifty would cost more than 3 MiB. */
static bool free_memory_returns(void)
{
	const long lost = 3072 + checkers_share();
	size_t size = 16 << 20, i;
	long before = 0;
	int round;

	for (round = 0; round < 11; round++) {
		volatile unsigned char *map;

		map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
		if (map == MAP_FAILED)
			return false;
		madvise((void *)map, size, MADV_NOHUGEPAGE);
		for (i = 0; i < size; i += PAGE)
			map[i] = 1;
		munmap((void *)map, size);
		if (round == 0)
			before = memory_free();
	}
	/* A kernel full of checkers takes a while to give it back. */
	for (round = 0; round < 30 && memory_free() <= before - lost; round++)
		usleep(100000);
	printf("# %ld KiB free before, %ld after\n", before, memory_free());
	return before > 0 && memory_free() > before - lost;
}

/* Pages that are equal become one, and two again when one of them is written. */
#define KSM "/sys/kernel/mm/ksm/"

static bool ksm_merges(unsigned char *area, unsigned int pages)
{
	unsigned int turns;

	for (turns = 0; turns < 400; turns++) {
		struct timespec ten = { .tv_nsec = 10000000 };
		unsigned int i;

		if (number_read(KSM "pages_sharing") >= (long)pages / 2)
			return true;
		/* In use all the time: merging must take them from the guest. */
		for (i = 0; i < pages; i++)
			if (((volatile unsigned char *)area)[i * PAGE + 9] != 0x5a)
				return false;
		nanosleep(&ten, NULL);
	}
	return false;
}

static bool ksm_is_true(unsigned char *area, unsigned int pages)
{
	unsigned int i, j;
	bool ok = true;

	for (i = 0; i < pages; i++) {
		((volatile unsigned char *)area)[i * PAGE + 9] = (unsigned char)i;
		for (j = i + 1; j < pages; j++)
			ok &= ((volatile unsigned char *)area)[j * PAGE + 9] == 0x5a;
	}
	for (i = 0; i < pages; i++)
		ok &= ((volatile unsigned char *)area)[i * PAGE + 9] == (unsigned char)i;
	return ok;
}

static void ksm_check(void)
{
	const char *merged = "ksmd merges pages that ring 0 uses: nobody holds them";
	const char *apart = "a store into a merged page is nobody else's";
	unsigned int pages = 32;
	unsigned char *area = truth_map(pages * PAGE);

	if (number_write(KSM "run", 1)) {
		ktap_skip(merged, "no KSM");
		ktap_skip(apart, "no KSM");
		return;
	}
	number_write(KSM "sleep_millisecs", 1);
	number_write(KSM "pages_to_scan", 1000);
	memset(area, 0x5a, pages * PAGE);
	madvise(area, pages * PAGE, MADV_MERGEABLE);
	ktap_check(ksm_merges(area, pages), "%s", merged);
	ktap_check(ksm_is_true(area, pages), "%s", apart);
	number_write(KSM "run", 2);
	number_write(KSM "run", 0);
	munmap(area, pages * PAGE);
}

int main(void)
{
	const volatile uint64_t *vvar;

	ktap_plan(11);
	must_init_and_enter();
	ktap_check(sigbus_is_delivered(false), "SIGBUS for a load beyond the file's end");
	ktap_check(sigbus_is_delivered(true), "SIGBUS for a store beyond the file's end");
	ktap_check(sigbus_kills(), "SIGBUS without a handler kills");
	dune_pgfault_set(access_fault, NULL);
	vvar = (const volatile uint64_t *)vvar_address();
	ktap_check(vvar && vvar_moves(vvar), "vvar is read in ring 0 and moves");
	ktap_check(vvar && !access_store((volatile uint64_t *)vvar, 0),
		   "vvar cannot be written in ring 0");
	ktap_check(clock_agrees(), "the clock of the vDSO agrees with the system call");
	ktap_check(pages_are_not_held(), "a memfd that ring 0 reads can be sealed");
	ktap_check(free_memory_returns(), "memory that passed through is free again");
	ksm_check();
	ktap_check(access_faults == 1, "no other fault than the one provoked");
	return ktap_exit_status();
}
