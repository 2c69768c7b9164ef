// SPDX-License-Identifier: MIT
/* Memory that Linux moves, protects, shares or writes out under several vCPUs: nothing is lost. */
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/access.h"
#include "lib/dune_mode.h"
#include "lib/truth.h"

#define SMALL 24
#define ROUNDS 12

static size_t size_of(const struct truth *t)
{
	return t->pages * PAGE;
}

static bool read_only_for_a_while(struct truth *t, unsigned int round)
{
	bool ok = !mprotect(t->area, size_of(t), PROT_READ) && truth_frozen(t);

	(void)round;
	return !mprotect(t->area, size_of(t), PROT_READ | PROT_WRITE) && ok;
}

/* Memory that is seen through a second mapping, too, which nobody changes. */
static const char *seen_setup(struct truth *t)
{
	int fd = memfd_create("keep", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)size_of(t)))
		return "no memfd";
	t->area = mmap(NULL, size_of(t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	t->own = mmap(NULL, size_of(t), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	return t->area == MAP_FAILED || t->own == MAP_FAILED ? "no mappings of a memfd" : NULL;
}

static bool seen_teardown(struct truth *t)
{
	return !munmap(t->area, size_of(t)) && !munmap(t->own, size_of(t));
}

/* The workers fault all the while, and none of their stores arrives. */
static bool no_access_for_a_while(struct truth *t, unsigned int round)
{
	struct truth seen = *t;
	long faults = access_faults;
	bool ok = !mprotect(t->area, size_of(t), PROT_NONE);

	(void)round;
	seen.area = t->own;
	ok &= truth_frozen(&seen);
	truth_wait(t);
	ok &= truth_frozen(&seen) && access_faults > faults;
	return !mprotect(t->area, size_of(t), PROT_READ | PROT_WRITE) && ok;
}

/* Away, looked at where it is now, and back: pages that moved take no store any more. */
static bool move_and_return(struct truth *t, unsigned int round)
{
	struct truth moved = *t;
	void *hole;
	bool ok;

	(void)round;
	moved.area = mremap(t->area, size_of(t), size_of(t), MREMAP_MAYMOVE | MREMAP_FIXED,
			    t->own);
	if (moved.area != t->own)
		return false;
	ok = truth_frozen(&moved);
	hole = mremap(moved.area, size_of(t), size_of(t), MREMAP_MAYMOVE | MREMAP_FIXED,
		      t->area);
	return ok && hole == t->area;
}

/* Nobody else's mapping must land in the hole that a move leaves, so the place is kept. */
static const char *move_setup(struct truth *t)
{
	t->area = truth_map(size_of(t));
	t->own = truth_map(size_of(t));
	return NULL;
}

static bool move_teardown(struct truth *t)
{
	munmap(t->own, size_of(t));
	return !munmap(t->area, size_of(t));
}

/* The child writes to its copy: the parent's pages must not change by it. */
static bool fork_and_scribble(struct truth *t, unsigned int round)
{
	int status = -1;
	pid_t pid = fork();

	(void)round;
	if (pid == 0) {
		memset(t->area, 0xee, size_of(t));
		_exit(t->area[size_of(t) - 1] == 0xee ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool swap_exists(void)
{
	char line[256];
	FILE *swaps = fopen("/proc/swaps", "r");
	int lines = 0;

	while (swaps && fgets(line, sizeof(line), swaps))
		lines++;
	if (swaps)
		fclose(swaps);
	return lines > 1;
}

static const char *swap_setup(struct truth *t)
{
	if (!swap_exists())
		return "no swap is on";
	t->area = truth_map(size_of(t));
	return NULL;
}

/*
 * Under the vCPUs' hands, where they take it back out of the swap cache at once;
 * and while they cannot, so that it comes back from the device.
 */
static bool page_out(struct truth *t, unsigned int round)
{
	bool ok = true;

	if (round % 2)
		ok = !mprotect(t->area, size_of(t), PROT_NONE);
	ok &= !madvise(t->area, size_of(t), MADV_PAGEOUT);
	if (round % 2)
		ok &= !mprotect(t->area, size_of(t), PROT_READ | PROT_WRITE);
	return ok;
}

static bool swap_teardown(struct truth *t)
{
	return !munmap(t->area, size_of(t));
}

/* Migration: the kernel moves whatever it can to one end of memory. */
static bool compact(struct truth *t, unsigned int round)
{
	(void)t;
	(void)round;
	return !number_write("/proc/sys/vm/compact_memory", 1);
}

static const struct scenario scenarios[] = {
	{ "mprotect to read-only", SMALL, ROUNDS, .keeps = true,
	  .change = read_only_for_a_while },
	{ "mprotect to no access", SMALL, ROUNDS / 2, .keeps = true, .setup = seen_setup,
	  .change = no_access_for_a_while, .teardown = seen_teardown },
	{ "mremap away and back", SMALL, ROUNDS, .keeps = true, .setup = move_setup,
	  .change = move_and_return, .teardown = move_teardown },
	{ "fork, the parent writes", SMALL, ROUNDS, .keeps = true, .no_faults = true,
	  .change = truth_fork },
	{ "fork, the child writes", SMALL, ROUNDS, .keeps = true, .no_faults = true,
	  .change = fork_and_scribble },
	{ "MADV_PAGEOUT", SMALL, ROUNDS, .keeps = true,
	  .setup = swap_setup, .change = page_out, .teardown = swap_teardown },
	{ "compaction", SMALL, ROUNDS / 4, .keeps = true, .no_faults = true,
	  .change = compact },
};

int main(int argc, char **argv)
{
	return truth_main(scenarios, sizeof(scenarios) / sizeof(*scenarios), argc, argv);
}
