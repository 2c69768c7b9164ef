// SPDX-License-Identifier: MIT
/* Memory whose contents Linux takes away and gives anew, under the eyes of several vCPUs. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/dune_mode.h"
#include "lib/truth.h"

#define SMALL 24
#define ROUNDS 12

static size_t size_of(const struct truth *t)
{
	return t->pages * PAGE;
}

static bool map_at(struct truth *t, int flags, int fd)
{
	return mmap(t->area, size_of(t), PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0) ==
	       t->area;
}

static bool unmap_and_map(struct truth *t, unsigned int round)
{
	(void)round;
	return !munmap(t->area, size_of(t)) && map_at(t, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static bool map_over(struct truth *t, unsigned int round)
{
	(void)round;
	return map_at(t, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

/* Page after page, so that neighbours are in use while one goes. */
static bool unmap_singly(struct truth *t, unsigned int round)
{
	bool ok = true;
	unsigned int i;

	(void)round;
	for (i = 0; i < t->pages; i++) {
		unsigned char *page = t->area + i * PAGE;

		ok &= !munmap(page, PAGE);
		ok &= mmap(page, PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page;
	}
	return ok;
}

static bool dontneed(struct truth *t, unsigned int round)
{
	(void)round;
	return !madvise(t->area, size_of(t), MADV_DONTNEED);
}

/* Freed lazily, or at once by reclaim where there is swap to trigger it. */
static bool lazy_free(struct truth *t, unsigned int round)
{
	bool ok = !madvise(t->area, size_of(t), MADV_FREE);

	if (round % 2)
		madvise(t->area, size_of(t), MADV_PAGEOUT);
	return ok;
}

/* A second area moves over the first and leaves a hole where it was. */
static bool remap_over(struct truth *t, unsigned int round)
{
	unsigned char *other = truth_map(size_of(t));

	(void)round;
	memset(other, 0, size_of(t));
	return mremap(other, size_of(t), size_of(t), MREMAP_MAYMOVE | MREMAP_FIXED, t->area) ==
	       t->area;
}

static const char *memfd_setup(struct truth *t)
{
	int fd = memfd_create("truth", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)size_of(t)))
		ktap_bail("memfd");
	t->own = (void *)(long)fd;
	t->area = truth_map(size_of(t));
	if (!map_at(t, MAP_SHARED, fd))
		ktap_bail("mmap of a memfd");
	return NULL;
}

static int memfd_of(const struct truth *t)
{
	return (int)(long)t->own;
}

static bool memfd_teardown(struct truth *t)
{
	bool ok = !munmap(t->area, size_of(t));

	return !close(memfd_of(t)) && ok;
}

static bool truncate_and_extend(struct truth *t, unsigned int round)
{
	(void)round;
	return !ftruncate(memfd_of(t), 0) && !ftruncate(memfd_of(t), (off_t)size_of(t));
}

static bool punch_hole(struct truth *t, unsigned int round)
{
	(void)round;
	return !fallocate(memfd_of(t), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			  (off_t)size_of(t));
}

/* The file is written behind the mapping's back: by write(), not through a page table. */
static bool write_file(struct truth *t, unsigned int round)
{
	static uint64_t page[PAGE / 8];
	unsigned int i;
	bool ok = true;

	(void)round;
	for (i = 0; i < t->pages; i++) {
		page[0] = t->generation << 32 | i;
		ok &= pwrite(memfd_of(t), page, PAGE, (off_t)(i * PAGE)) == (ssize_t)PAGE;
		ok &= *(volatile uint64_t *)(t->area + i * PAGE) == page[0];
	}
	return ok;
}

static const char *private_file_setup(struct truth *t)
{
	const char *why = memfd_setup(t);

	if (!map_at(t, MAP_PRIVATE, memfd_of(t)))
		ktap_bail("private mmap of a memfd");
	return why;
}

static const struct scenario scenarios[] = {
	{ "munmap and mmap", SMALL, ROUNDS, .change = unmap_and_map },
	{ "munmap and mmap of single pages", SMALL, ROUNDS, .change = unmap_singly },
	{ "mmap over it", SMALL, ROUNDS, .change = map_over },
	{ "MADV_DONTNEED", SMALL, ROUNDS, .no_faults = true, .change = dontneed },
	{ "MADV_FREE", SMALL, ROUNDS, .no_faults = true, .change = lazy_free },
	{ "mremap of another area over it", SMALL, ROUNDS, .change = remap_over },
	{ "memfd truncated and extended", SMALL, ROUNDS, .setup = memfd_setup,
	  .change = truncate_and_extend, .teardown = memfd_teardown },
	{ "hole punched into a memfd", SMALL, ROUNDS, .no_faults = true, .setup = memfd_setup,
	  .change = punch_hole, .teardown = memfd_teardown },
	{ "memfd written by write", SMALL, ROUNDS, .no_faults = true, .setup = memfd_setup,
	  .change = write_file, .teardown = memfd_teardown },
	{ "copies of a private mapping dropped", SMALL, ROUNDS, .no_faults = true,
	  .setup = private_file_setup, .change = dontneed, .teardown = memfd_teardown },
};

int main(int argc, char **argv)
{
	return truth_main(scenarios, sizeof(scenarios) / sizeof(*scenarios), argc, argv);
}
