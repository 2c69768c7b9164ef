// SPDX-License-Identifier: MIT
/* Memory of a run: from hugetlb, or locked pages of a memfd. */
#include <errno.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rt_memory.h"

#define HUGE_SIZE (2ull << 20)
#define HUGE_FOLDER "hugepages/hugepages-2048kB"
#define HUGE_2M (21u << MAP_HUGE_SHIFT)

/* By this process, so that it stays locked. */
static struct {
	void *at;
	uint64_t size;
	int fd;
} held;

static uint64_t available(void)
{
	char line[128];
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib << 10;
}

/* In large pages that nobody has and nobody was promised: no part of what is available. */
static uint64_t huge_ready(uint64_t pages_free)
{
	/* Of pages that are promised only the whole machine knows. */
	const uint64_t promised = file_number("/sys/kernel/mm/" HUGE_FOLDER "/resv_hugepages");

	return pages_free > promised ? pages_free - promised : 0;
}

/* The node of the first core; -1: there are no nodes. */
static int node_of(const struct run_state *run)
{
	char path[PATH_ROOM];
	int node;

	for (node = 0; node < 1024; node++) {
		struct cores cores;

		path_print(path, "/sys/devices/system/node/node%d/cpulist", node);
		cores = file_list(path);
		if (cores_has(&cores, cores_next(&run->cores, 0)))
			return node;
	}
	return -1;
}

/* From this node, only or rather than from others; -1: as before. */
static void bind_memory(int node, int policy)
{
	unsigned long mask[1024 / 64] = { 0 };

	if (node >= 0)
		mask[node / 64] = 1ul << (node % 64);
	syscall(SYS_set_mempolicy, node >= 0 ? policy : MPOL_DEFAULT, node >= 0 ? mask : NULL,
		node >= 0 ? 1024 : 0);
}

static uint64_t huge_number(const struct run_state *run, const char *name)
{
	char path[PATH_ROOM];

	return file_number(path_print(path, "%s/%s", run->huge_folder, name));
}

static void huge_set(const struct run_state *run, uint64_t pages)
{
	char path[PATH_ROOM];

	file_write_number(path_print(path, "%s/nr_hugepages", run->huge_folder), pages);
}

/* As many as it needs beyond those that are free already. */
static bool huge_ask(struct run_state *run, int node)
{
	uint64_t pages = run->memory / HUGE_SIZE, ready, now;
	char path[PATH_ROOM];
	bool whole;

	snprintf(run->huge_folder, sizeof(run->huge_folder),
		 "/sys/devices/system/node/node%d/" HUGE_FOLDER, node);
	if (node < 0 || access(run->huge_folder, W_OK))
		snprintf(run->huge_folder, sizeof(run->huge_folder),
			 "/sys/kernel/mm/" HUGE_FOLDER);
	if (access(path_print(path, "%s/nr_hugepages", run->huge_folder), W_OK))
		return false;
	ready = huge_ready(huge_number(run, "free_hugepages"));
	run->huge_before = huge_number(run, "nr_hugepages");
	run->huge_added = pages > ready ? pages - ready : 0;
	if (!run->huge_added)
		return true;
	state_save(run);
	huge_set(run, run->huge_before + run->huge_added);
	now = huge_number(run, "nr_hugepages");
	/* It may have found fewer. */
	whole = now >= run->huge_before + run->huge_added;
	run->huge_added = now > run->huge_before ? now - run->huge_before : 0;
	run->huge_done = 1;
	return whole;
}

void memory_disown(void)
{
	held.size = 0;
}

void memory_give(struct run_state *run)
{
	uint64_t now, target, added = run->huge_added;

	if (held.size) {
		munmap(held.at, held.size);
		close(held.fd);
		held.size = 0;
	}
	if (!added)
		return;
	now = huge_number(run, "nr_hugepages");
	/* Whoever is killed here, too, leaves what is not to be cut further. */
	if (run->huge_done) {
		run->huge_before = now > added ? now - added : 0;
		run->huge_done = 0;
		state_save(run);
	}
	/* They may be fewer than were to be added, or none. */
	target = now > added ? now - added : 0;
	if (target < run->huge_before)
		target = run->huge_before;
	if (now > target)
		huge_set(run, target);
	run->huge_added = 0;
}

/* All of it, mapped here for as long as this process is there. */
static int fill(const struct run_state *run, unsigned int flags)
{
	int fd = memfd_create("dune-rt-memory", flags), error;
	void *at;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)run->memory)) {
		error = -errno;
		close(fd);
		return error;
	}
	at = mmap(NULL, run->memory, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	error = at == MAP_FAILED ? -errno : 0;
	/* Without MADV_POPULATE_WRITE (5.14) a page that there is not would be a signal. */
	if (!error && madvise(at, run->memory, MADV_POPULATE_WRITE))
		error = -errno;
	if (!error && (mlock(at, run->memory) || madvise(at, run->memory, MADV_DONTFORK)))
		error = -errno;
	if (error) {
		if (at != MAP_FAILED)
			munmap(at, run->memory);
		close(fd);
		return error == -EFAULT || error == -EAGAIN ? -ENOMEM : error;
	}
	held.at = at;
	held.size = run->memory;
	held.fd = fd;
	return fd;
}

int memory_take(struct run_state *run)
{
	int node = node_of(run), fd = -ENOMEM;
	uint64_t asked = run->memory, ready;

	ready = huge_ready(file_number("/sys/kernel/mm/" HUGE_FOLDER "/free_hugepages"));
	if (asked > available() + ready * HUGE_SIZE)
		return -ENOMEM;
	bind_memory(node, MPOL_BIND);
	run->memory = (asked + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1);
	strcpy(run->memory_kind, "hugetlb");
	if (huge_ask(run, node))
		fd = fill(run, MFD_HUGETLB | HUGE_2M);
	if (fd < 0) {
		memory_give(run);
		run->memory = (asked + 4095) & ~4095ull;
		strcpy(run->memory_kind, "memfd");
		/* Where small pages of one node end, Linux would kill somebody for more. */
		bind_memory(node, MPOL_PREFERRED);
		fd = asked > available() ? -ENOMEM : fill(run, 0);
	}
	bind_memory(-1, MPOL_DEFAULT);
	return fd;
}
