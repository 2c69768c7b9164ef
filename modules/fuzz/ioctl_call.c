// SPDX-License-Identifier: MIT
/* The calls of the ioctl fuzzer: right, nearly right or wrong, each with the errnos it may have. */
#include "ioctl.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Any descriptor may be stale, of another object or of another VM. */
#define ANY_FD EBADF, EINVAL, ENOTTY, EIO, EFAULT

static int fd_of(struct world *world, struct random *random)
{
	return world->fds[random_below(random, FDS)];
}

/* Keep a new descriptor; the one that had its place is closed. */
static int fd_keep(struct world *world, struct random *random, int fd)
{
	int old;

	if (fd < 0)
		return fd == -1 ? -errno : fd;
	old = atomic_exchange(&world->fds[random_below(random, FDS)], fd);
	if (old >= 0)
		close(old);
	return 0;
}

static unsigned char *page_of(struct world *world, struct random *random)
{
	return world->pages + random_below(random, PAGES) * BARE_PAGE;
}

/* An argument: most often a good one of that size, made from words. */
static void *argument(struct world *world, struct random *random, const void *good, size_t size)
{
	unsigned char *at = world->edge + random_below(random, 512) * 4;

	switch (random_below(random, 12)) {
	case 0:
		return (void *)random_u64(random);
	case 1:
		return world->constant;
	case 2:
		return NULL;
	case 3:
		at = world->edge + BARE_PAGE - size / 2;
		memcpy(at, good, size / 2);
		return at;
	case 4:
		memcpy(at, good, size);
		at[random_below(random, size)] = random_u64(random);
		return at;
	default:
		memcpy(at, good, size);
		return at;
	}
}

static int device_open(struct world *world, struct random *random)
{
	return fd_keep(world, random, open(DUNE_DEVICE_PATH, O_RDWR | O_CLOEXEC));
}

static int info_get(struct world *world, struct random *random)
{
	const struct dune_info info = { .size = sizeof(info) };

	return raw_request(fd_of(world, random), DUNE_GET_INFO,
			   argument(world, random, &info, sizeof(info)));
}

static int vm_create(struct world *world, struct random *random)
{
	const struct dune_vm_create args = { .size = sizeof(args) };
	int fd = raw_request(fd_of(world, random), DUNE_VM_CREATE,
			     argument(world, random, &args, sizeof(args)));

	return fd_keep(world, random, fd);
}

static int vcpu_create(struct world *world, struct random *random)
{
	const struct dune_vcpu_create args = { .size = sizeof(args) };
	int fd = raw_request(fd_of(world, random), DUNE_VCPU_CREATE,
			     argument(world, random, &args, sizeof(args)));

	return fd_keep(world, random, fd);
}

/* Never the GiBs in which this program lives: a guest may write into its slots. */
static int slot(struct world *world, struct random *random)
{
	struct dune_slot args = { .hva = (uint64_t)world->bare->memory };

	if (random_once_in(random, 3))
		args.hva = (0x8000 + random_below(random, 0x8000)) << 30;
	else if (random_once_in(random, 8))
		args.hva = 1ul << 47 | random_u64(random);
	/* Only its high half may be spoiled. */
	if (random_once_in(random, 8))
		return raw_request(fd_of(world, random), DUNE_VM_SLOT, world->constant - BARE_PAGE);
	memcpy(world->edge + 2048, &args, sizeof(args));
	return raw_request(fd_of(world, random), DUNE_VM_SLOT, world->edge + 2048);
}

static int stats(struct world *world, struct random *random)
{
	const struct dune_stats args = { .size = sizeof(args) };

	return raw_request(fd_of(world, random),
			   random_once_in(random, 2) ? DUNE_VM_STATS : DUNE_VCPU_STATS,
			   argument(world, random, &args, sizeof(args)));
}

static int run(struct world *world, struct random *random)
{
	return raw_request(fd_of(world, random), DUNE_VCPU_RUN,
			   random_once_in(random, 16) ? (void *)random_u64(random) : NULL);
}

static int run_by_seek(struct world *world, struct random *random)
{
	bool right = !random_once_in(random, 8);
	off_t offset = right ? 0 : (off_t)random_u64(random);
	int whence = right ? SEEK_SET : (int)random_below(random, 8);

	return lseek(fd_of(world, random), offset, whence) < 0 ? -errno : 0;
}

static int sregs(struct world *world, struct random *random)
{
	return raw_request(fd_of(world, random), DUNE_VCPU_SREGS, NULL);
}

static int flush(struct world *world, struct random *random)
{
	return raw_request(fd_of(world, random), DUNE_VM_FLUSH,
			   random_once_in(random, 16) ? (void *)random_u64(random) : NULL);
}

static int interrupt(struct world *world, struct random *random)
{
	bool right = !random_once_in(random, 8);
	uint64_t vector = right ? random_below(random, 256) : random_u64(random);

	return raw_request(fd_of(world, random), DUNE_VCPU_INTERRUPT, (void *)vector);
}

static int map(struct world *world, struct random *random)
{
	bool right = !random_once_in(random, 8);
	unsigned char *at = page_of(world, random);
	int flags = MAP_SHARED | MAP_FIXED, prot = PROT_READ | PROT_WRITE;

	if (right)
		return mmap(at, BARE_PAGE, prot, flags, fd_of(world, random), 0) == MAP_FAILED ?
			       -errno : 0;
	/* Where it is no harm if it succeeds: anywhere, and gone at once. */
	at = mmap(NULL, BARE_PAGE << random_below(random, 3), (int)random_below(random, 8),
		  (int)(1 + random_below(random, 3)), fd_of(world, random),
		  (off_t)(random_below(random, 3) << random_below(random, 60) & ~0xffful));
	return at == MAP_FAILED ? -errno : munmap(at, BARE_PAGE);
}

static int unmap(struct world *world, struct random *random)
{
	return mmap(page_of(world, random), BARE_PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ? -errno : 0;
}

/* A run page that is right in all but a few words. */
static int prepare(struct world *world, struct random *random)
{
	struct dune_run *page = (struct dune_run *)page_of(world, random);
	uint64_t *words = (uint64_t *)page;
	unsigned int n = random_below(random, 3);

	*page = world->template;
	if (random_once_in(random, 2))
		page->regs.rflags |= 1u << 9; /* interrupts are taken */
	if (random_once_in(random, 4)) {
		page->flags |= DUNE_RUN_EVENT;
		page->event.vector = random_u64(random);
		page->regs.rflags = 2 | random_below(random, 2) << 9;
	}
	while (n--)
		words[random_below(random, sizeof(*page) / 8)] =
			random_once_in(random, 2) ? random_u64(random) :
						    bare_at(world->bare, random_below(random, 512));
	return 0;
}

static int scribble(struct world *world, struct random *random)
{
	uint64_t *words = (uint64_t *)page_of(world, random);
	unsigned int n = 64;

	while (n--)
		words[random_below(random, sizeof(struct dune_run) / 8)] = random_u64(random);
	return 0;
}

static int close_one(struct world *world, struct random *random)
{
	int fd = atomic_exchange(&world->fds[random_below(random, FDS)], -1);

	return fd < 0 || !close(fd) ? 0 : -errno;
}

static int duplicate(struct world *world, struct random *random)
{
	return fd_keep(world, random, fcntl(fd_of(world, random), F_DUPFD_CLOEXEC, 3));
}

static int unknown(struct world *world, struct random *random)
{
	unsigned long nr = random_once_in(random, 2) ? random_u64(random) & UINT32_MAX :
			   _IOC(random_below(random, 4), DUNE_IOC, random_below(random, 64),
				random_below(random, 512));

	/* Close to a right one or not, it has no memory to write to. */
	return raw_request(fd_of(world, random), nr, world->constant);
}

static int file_operations(struct world *world, struct random *random)
{
	int fd = fd_of(world, random);
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	poll(&poller, 1, 0);
	if (read(fd, world->edge, 8) >= 0 || write(fd, world->edge, 8) >= 0 ||
	    ftruncate(fd, 0) == 0)
		return -ENOSYS; /* documented nowhere */
	return 0;
}

static int memory_advice(struct world *world, struct random *random)
{
	void *at = world->bare->memory + random_below(random, 512) * BARE_PAGE;

	if (random_once_in(random, 2))
		return mprotect(at, BARE_PAGE, PROT_READ) ||
		       mprotect(at, BARE_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) ? -errno : 0;
	return madvise(at, BARE_PAGE, MADV_COLD) ? -errno : 0;
}

/* A child may do nothing with what it inherits. */
static int child(struct world *world, struct random *random)
{
	int status = 0, i;
	pid_t pid = random_once_in(random, 12) ? fork() : -1;

	if (pid < 0)
		return 0;
	if (pid == 0) {
		for (i = 0; i < FDS; i++) {
			int ret = raw_request(world->fds[i], DUNE_VCPU_RUN, NULL);

			if (ret != -EIO && ret != -ENOTTY && ret != -EBADF)
				_exit(1);
		}
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status ? -ENOSYS : 0;
}

static const struct {
	const char *name;
	int (*make)(struct world *world, struct random *random);
	unsigned int weight;
	int errnos[12]; /* it may have */
} calls[] = {
	{ "open", device_open, 3, { 0 } },
	{ "info", info_get, 3, { ANY_FD } },
	{ "create-vm", vm_create, 8, { ANY_FD, EDQUOT } },
	{ "create-vcpu", vcpu_create, 10, { ANY_FD, EMFILE } },
	{ "slot", slot, 8, { ANY_FD, ENOSPC, ERANGE } },
	{ "stats", stats, 4, { ANY_FD } },
	{ "run", run, 20, { ANY_FD, EBUSY, EINTR, ENODEV } },
	{ "run-by-seek", run_by_seek, 10, { ANY_FD, EBUSY, EINTR, ENODEV, EOVERFLOW, ENXIO } },
	{ "sregs", sregs, 4, { ANY_FD, EBUSY } },
	{ "flush", flush, 4, { ANY_FD } },
	{ "interrupt", interrupt, 8, { ANY_FD, ENODEV } },
	{ "map", map, 10, { ANY_FD, ENODEV, EACCES, EOVERFLOW, EPERM } },
	{ "unmap", unmap, 3, { 0 } },
	{ "prepare", prepare, 14, { 0 } },
	{ "scribble", scribble, 4, { 0 } },
	{ "close", close_one, 4, { EBADF } },
	{ "dup", duplicate, 3, { EBADF } },
	{ "unknown", unknown, 6, { ANY_FD } },
	{ "file", file_operations, 2, { 0 } },
	{ "memory", memory_advice, 3, { 0 } },
	{ "child", child, 1, { 0 } },
};
#define CALLS (sizeof(calls) / sizeof(*calls))

bool call_random(struct world *world, struct random *random, struct call *call)
{
	unsigned int total = 0, which = 0, i;
	uint64_t at;

	for (i = 0; i < CALLS; i++)
		total += calls[i].weight;
	for (at = random_below(random, total); at >= calls[which].weight; which++)
		at -= calls[which].weight;
	call->name = calls[which].name;
	call->result = calls[which].make(world, random);
	if (world->say)
		printf("# %s: %d\n", call->name, call->result);
	world->calls++;
	if (call->result >= 0)
		return true;
	world->errors++;
	for (i = 0; calls[which].errnos[i]; i++)
		if (calls[which].errnos[i] == -call->result)
			return true;
	return false;
}
