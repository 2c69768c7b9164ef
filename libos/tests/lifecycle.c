// SPDX-License-Identifier: MIT
/* Entering and leaving, many times, and the errors of doing it wrong. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/dune_mode.h"

static bool files_work(void)
{
	char path[] = "/tmp/lifecycle.XXXXXX", text[16] = "";
	int fd = mkstemp(path);
	bool ok = fd >= 0 && write(fd, "hello", 5) == 5 &&
		  pread(fd, text, sizeof(text), 0) == 5 && !strcmp(text, "hello");

	close(fd);
	unlink(path);
	return ok;
}

static bool errno_works(void)
{
	errno = 0;
	return open("/does/not/exist", O_RDONLY) == -1 && errno == ENOENT;
}

static bool large_mapping_works(void)
{
	size_t size = 64 << 20, i;
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool ok = map != MAP_FAILED;

	for (i = 0; ok && i < size; i += 4096)
		map[i] = (char)(i >> 12);
	for (i = 0; ok && i < size; i += 4096)
		ok = map[i] == (char)(i >> 12);
	return ok && !munmap(map, size);
}

/* Far apart, so that each needs a slot of its own. */
static bool scattered_mappings_work(void)
{
	bool ok = true;
	uintptr_t i;

	for (i = 1; ok && i <= 64; i++) {
		uintptr_t at = (i << 40) | 0x123000;
		unsigned int *map = mmap((void *)at, 4096, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
					 -1, 0);

		ok = map == (void *)at;
		if (ok) {
			*map = (unsigned int)i;
			ok = *map == i;
			munmap(map, 4096);
		}
	}
	return ok;
}

static bool clock_works(void)
{
	struct timespec a, b;

	return !clock_gettime(CLOCK_MONOTONIC, &a) &&
	       !clock_gettime(CLOCK_MONOTONIC, &b) &&
	       (b.tv_sec > a.tv_sec ||
		(b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec));
}

/* Time in ring 0 of the guest is the program's own time, not the kernel's. */
static bool time_is_user_time(void)
{
	struct rusage before, after;
	long user, system;

	getrusage(RUSAGE_SELF, &before);
	do {
		volatile int i;

		for (i = 0; i < 1000000; i++)
			;
		getrusage(RUSAGE_SELF, &after);
		user = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 +
		       after.ru_utime.tv_usec - before.ru_utime.tv_usec;
		system = (after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000000 +
			 after.ru_stime.tv_usec - before.ru_stime.tv_usec;
	} while (user + system < 300000);
	printf("# user %ld us, system %ld us\n", user, system);
	/* A slow host charges ticks to either: but never most of them to the system. */
	return user > system;
}

static bool odd_calls_work(void)
{
	unsigned long fs = 0, nr = SYS_getppid | 0xdead00000000ul;
	long ret;

	asm volatile("syscall" : "=a"(ret) : "a"(nr) : "rcx", "r11", "memory");
	return ret == getppid() && syscall(SYS_arch_prctl, 0x1003, &fs) == 0 && fs &&
	       syscall(SYS_arch_prctl, 0x1003, 8) == -1 && errno == EFAULT;
}

/* What a child says on stderr that dies of an invalid opcode in Dune mode: bytes, or -1. */
static long last_words(unsigned int flags)
{
	struct dune_options options = { .size = sizeof(options), .flags = flags };
	char text[512];
	int pipes[2], status = 0;
	ssize_t n, sum = 0;
	pid_t child;

	if (pipe(pipes))
		return -1;
	child = fork();
	if (!child) {
		dup2(pipes[1], 2);
		if (dune_init(&options) || dune_enter())
			_exit(1);
		asm volatile("ud2");
		_exit(2);
	}
	close(pipes[1]);
	while ((n = read(pipes[0], text, sizeof(text))) > 0)
		sum += n;
	close(pipes[0]);
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGILL ? sum : -1;
}

int main(void)
{
	struct dune_options bad = { .size = sizeof(bad), .flags = DUNE_OPTION_QUIET << 1 };
	struct dune_counters counters;
	int i, error = 0;
	pid_t pid = getpid();

	ktap_plan(19);
	ktap_check(dune_enter() == -EPERM, "enter before init is refused");
	ktap_check(dune_leave() == -EPERM, "leave outside Dune mode is refused");
	ktap_check(dune_counters_get(&counters) == -EPERM, "no counters before init");
	ktap_check(dune_init(&bad) == -EINVAL, "unknown options are refused");
	ktap_check(last_words(0) > 0, "an exception that nobody handles: a line, and SIGILL");
	ktap_check(last_words(DUNE_OPTION_QUIET) == 0, "without a line for who wants it quiet");
	must_init_and_enter();
	ktap_check(dune_in_guest(), "ring 0 after enter");
	ktap_check(dune_init(NULL) == -EALREADY, "second init is refused");
	ktap_check(dune_enter() == -EALREADY, "second enter is refused");
	ktap_check(getpid() == pid, "the same process");
	ktap_check(files_work(), "files");
	ktap_check(errno_works(), "errors of system calls");
	ktap_check(large_mapping_works(), "64 MiB mapped, filled, read, unmapped");
	ktap_check(scattered_mappings_work(), "mappings all over the address space");
	ktap_check(clock_works(), "clock_gettime through the vDSO");
	ktap_check(time_is_user_time(), "computing is charged as user time");
	ktap_check(odd_calls_work(), "numbers with high bits, arch_prctl with a bad pointer");
	for (i = 0; i < 1000 && !error; i++)
		error = dune_leave() || dune_in_guest() || dune_enter();
	ktap_check(!error && dune_in_guest(), "1000 times out and in");
	ktap_check(!dune_counters_get(&counters) && counters.syscalls > 1000 &&
			   counters.entries > counters.syscalls,
		   "counters count");
	return ktap_exit_status();
}
