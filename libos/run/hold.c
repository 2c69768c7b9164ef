// SPDX-License-Identifier: MIT
/* Hidden descriptors that are there from the beginning; dup3() changes what they are. */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../src/hidden.h"
#include "confine.h"
#include "hold.h"

#define HOOKS_MAX 8
#define TURNS_MAX 100000

/* In the loader's image, which ring 3 can neither read nor write. */
static struct {
	int nothing; /* what is behind them while nobody uses them */
	struct {
		uint64_t thread; /* whose it is, or 0 */
		int fds[HOLD_FILES];
	} slots[HOOKS_MAX];
} holds;

int hold_init(void)
{
	unsigned int i, file;
	int fd = open("/", O_PATH | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	holds.nothing = hidden_move(fd);
	for (i = 0; i < HOOKS_MAX; i++) {
		for (file = 0; file < HOLD_FILES; file++) {
			fd = dup(holds.nothing);
			if (fd < 0)
				return -errno;
			holds.slots[i].fds[file] = hidden_move(fd);
		}
	}
	return 0;
}

static bool lives(uint64_t thread)
{
	uint64_t process = (uint64_t)confine_call(SYS_getpid, 0, 0, 0, 0, 0);

	return confine_call(SYS_tgkill, process, thread, 0, 0, 0) != -ESRCH;
}

long hold_begin(struct hold *hold)
{
	unsigned int turn;

	hold->thread = (uint64_t)confine_call(SYS_gettid, 0, 0, 0, 0, 0);
	for (turn = 0; turn < TURNS_MAX; turn++) {
		uint64_t *owner = &holds.slots[turn % HOOKS_MAX].thread;
		uint64_t old = __atomic_load_n(owner, __ATOMIC_RELAXED);

		hold->nr = turn % HOOKS_MAX;
		/* In the child of a fork, those of threads that were in the parent are free. */
		if ((!old || (turn >= HOOKS_MAX && !lives(old))) &&
		    __atomic_compare_exchange_n(owner, &old, hold->thread, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return 0;
		if (hold->nr == HOOKS_MAX - 1)
			confine_call(SYS_sched_yield, 0, 0, 0, 0, 0);
	}
	return -EMFILE;
}

long hold_file(const struct hold *hold, unsigned int file, int fd)
{
	if (hidden_is((uint32_t)fd))
		return -EBADF;
	return confine_call(SYS_dup3, (uint64_t)fd, (uint64_t)holds.slots[hold->nr].fds[file],
			    HIDDEN_PUT, 0, 0);
}

void hold_end(const struct hold *hold)
{
	uint64_t own = hold->thread;
	unsigned int file;

	/* What is closed here ends: a connection, a pipe, a lock. */
	for (file = 0; file < HOLD_FILES; file++)
		confine_call(SYS_dup3, (uint64_t)holds.nothing,
			     (uint64_t)holds.slots[hold->nr].fds[file], HIDDEN_PUT, 0, 0);
	__atomic_compare_exchange_n(&holds.slots[hold->nr].thread, &own, 0, false,
				    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}
