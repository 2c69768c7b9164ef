// SPDX-License-Identifier: MIT
/*
 * A thread is about to end the process with a core dump. In that Linux shows the
 * other threads where it finds them: on their host sides. So they are asked, by
 * the same signal, to go on as the guest that they are in Linux mode, for the
 * little while that is left; and a process may die of that only once. A program in
 * ring 3 could use that while: its threads stay where they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

#include "../monitor.h"
#include "../thread.h"
#include "signal.h"

#define PATIENCE 50 /* ms: for those that block the signal, or wait for what no signal ends */

struct dirent64 {
	uint64_t inode, offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

static long dying; /* the process (a vfork child has the same memory), and of which signal */
static int asked, here;

static long death(int signal)
{
	return raw_syscall3(SYS_getpid, 0, 0, 0) << 8 | signal;
}

bool gather_is_under_way(int signal)
{
	long what = __atomic_load_n(&dying, __ATOMIC_ACQUIRE);

	return what && what == death(signal);
}

bool gather_is_for_any(void)
{
	return __atomic_load_n(&dying, __ATOMIC_ACQUIRE) >> 8 == raw_syscall3(SYS_getpid, 0, 0, 0);
}

void gather_one(void)
{
	__atomic_fetch_add(&here, 1, __ATOMIC_RELEASE);
}

static long decimal(const char *text)
{
	long value = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		value = value * 10 + *text - '0';
	return *text ? 0 : value;
}

static void ask(long pid, const struct dirent64 *entry, long own, int signal)
{
	long tid = decimal(entry->name);

	if (tid && tid != own && !raw_syscall3(SYS_tgkill, pid, tid, signal))
		asked++;
}

bool gather_threads(int signal)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	long pid = raw_syscall3(SYS_getpid, 0, 0, 0), own = raw_syscall3(SYS_gettid, 0, 0, 0);
	long folder, size, at, before = __atomic_load_n(&dying, __ATOMIC_ACQUIRE);
	char list[1024] __attribute__((aligned(8)));
	int i;

	if (before >> 8 == pid ||
	    !__atomic_compare_exchange_n(&dying, &before, death(signal), false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED))
		return before >> 8 != pid;
	asked = here = 0;
	/* A debugger has seen them, and would be told of each; outside, nobody watches ring 3. */
	if (dune_process.debugged || monitor_on())
		return true;
	folder = raw_syscall3(SYS_open, (long)"/proc/self/task", O_RDONLY | O_DIRECTORY, 0);
	if (folder < 0)
		return true;
	while ((size = raw_syscall3(SYS_getdents64, folder, (long)list, sizeof(list))) > 0) {
		for (at = 0; at < size; at += ((struct dirent64 *)(list + at))->size)
			ask(pid, (struct dirent64 *)(list + at), own, signal);
	}
	raw_syscall3(SYS_close, folder, 0, 0);
	for (i = 0; i < PATIENCE && __atomic_load_n(&here, __ATOMIC_ACQUIRE) < asked; i++)
		raw_syscall3(SYS_nanosleep, (long)&ms, 0, 0);
	return true;
}
