// SPDX-License-Identifier: MIT
/*
 * Requests that no well-meaning program makes: sizes, flags, pointers, objects
 * and file operations that are wrong, one at a time. Each has its errno.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/bare.h"
#include "lib/ktap.h"

#define PAGE 4096ul
#define KERNEL_ADDRESS 0xffff888000001000ul
#define NON_CANONICAL 0x1234567890abcdeful

static struct bare *bare;
static unsigned char *edge; /* a writable page, one without access behind it */
static unsigned char *constant; /* a read-only page */

enum object { DEVICE, VM, VCPU, OBJECTS };

static const struct {
	const char *name;
	enum object object;
	unsigned long nr;
	uint32_t size;
	bool sized, writes;
} requests[] = {
	{ "DUNE_GET_INFO", DEVICE, DUNE_GET_INFO, sizeof(struct dune_info), true, true },
	{ "DUNE_VM_CREATE", DEVICE, DUNE_VM_CREATE, sizeof(struct dune_vm_create), true, false },
	{ "DUNE_VCPU_CREATE", VM, DUNE_VCPU_CREATE, sizeof(struct dune_vcpu_create), true, false },
	{ "DUNE_VM_SLOT", VM, DUNE_VM_SLOT, sizeof(struct dune_slot), false, true },
	{ "DUNE_VM_FLUSH", VM, DUNE_VM_FLUSH, 0, false, false },
	{ "DUNE_VM_STATS", VM, DUNE_VM_STATS, sizeof(struct dune_stats), true, true },
	{ "DUNE_VCPU_STATS", VCPU, DUNE_VCPU_STATS, sizeof(struct dune_stats), true, true },
	{ "DUNE_VCPU_RUN", VCPU, DUNE_VCPU_RUN, 0, false, false },
	{ "DUNE_VCPU_SREGS", VCPU, DUNE_VCPU_SREGS, 0, false, false },
	{ "DUNE_VCPU_INTERRUPT", VCPU, DUNE_VCPU_INTERRUPT, 0, false, false },
};
#define REQUESTS (sizeof(requests) / sizeof(*requests))

static int fd_of(enum object object)
{
	const int fds[OBJECTS] = { bare->device, bare->vm, bare->vcpu };

	return fds[object];
}

/* An argument of that size which is right in all but its first word. */
static void *sized(unsigned char *at, uint32_t size)
{
	memset(at, 0, 512);
	memcpy(at, &size, sizeof(size));
	return at;
}

static void wrong_arguments(void)
{
	unsigned int i, j;

	for (i = 0; i < REQUESTS; i++) {
		int fd = fd_of(requests[i].object);
		unsigned long nr = requests[i].nr;
		uint32_t size = requests[i].size;
		const uint32_t sizes[] = { 0, 1, size - 1, size + 1, size << 16, ~0u };
		unsigned char *straddling = edge + PAGE - size / 2;
		bool refused = true;

		if (!size) {
			ktap_check(raw_request(fd, nr, edge) == -EINVAL &&
					   raw_request(fd, nr, (void *)KERNEL_ADDRESS) == -EINVAL,
				   "%s with an address is invalid", requests[i].name);
			continue;
		}
		ktap_check(raw_request(fd, nr, NULL) == -EFAULT &&
				   raw_request(fd, nr, (void *)PAGE) == -EFAULT &&
				   raw_request(fd, nr, edge + PAGE) == -EFAULT,
			   "%s at an unmapped address faults", requests[i].name);
		ktap_check(raw_request(fd, nr, (void *)KERNEL_ADDRESS) == -EFAULT &&
				   raw_request(fd, nr, (void *)-8ul) == -EFAULT &&
				   raw_request(fd, nr, (void *)NON_CANONICAL) == -EFAULT,
			   "%s at an address of the kernel faults", requests[i].name);
		memcpy(straddling, &size, size / 2);
		ktap_check(raw_request(fd, nr, straddling) == -EFAULT,
			   "%s over the end of memory faults", requests[i].name);
		if (requests[i].writes) {
			mprotect(constant, PAGE, PROT_READ | PROT_WRITE);
			sized(constant, size);
			mprotect(constant, PAGE, PROT_READ);
			ktap_check(raw_request(fd, nr, constant) == -EFAULT,
				   "%s in read-only memory faults", requests[i].name);
		}
		if (!requests[i].sized)
			continue;
		for (j = 0; j < sizeof(sizes) / sizeof(*sizes); j++)
			refused &= raw_request(fd, nr, sized(edge, sizes[j])) == -EINVAL;
		ktap_check(refused, "%s of any other size is invalid", requests[i].name);
		if (requests[i].writes)
			continue;
		for (j = 0; j < 32; j++) {
			((uint32_t *)sized(edge, size))[1] = 1u << j;
			refused &= raw_request(fd, nr, edge) == -EINVAL;
		}
		ktap_check(refused, "%s with any flag is invalid", requests[i].name);
	}
}

static bool exists(enum object object, uint32_t nr)
{
	unsigned int i;

	for (i = 0; i < REQUESTS; i++)
		if (requests[i].object == object && (uint32_t)requests[i].nr == nr)
			return true;
	return false;
}

static void wrong_objects(void)
{
	static const char *const names[OBJECTS] = { "the device", "a VM", "a vCPU" };
	unsigned int object, i;
	int pipes[2];
	bool refused;

	for (object = 0; object < OBJECTS; object++) {
		refused = true;
		for (i = 0; i < REQUESTS; i++)
			if (requests[i].object != object)
				refused &= raw_request(fd_of(object), requests[i].nr,
						       sized(edge, requests[i].size)) == -ENOTTY;
		ktap_check(refused, "requests of other objects do not exist on %s", names[object]);
		refused = true;
		for (i = 0; i < REQUESTS; i++) { /* each bit of the number matters */
			unsigned int bit;

			for (bit = 0; bit < 32; bit++) {
				unsigned long nr = requests[i].nr ^ 1ul << bit;
				void *good = requests[i].size ? sized(edge, requests[i].size) :
								NULL;

				/* Some bit leads to another of its requests: that is one. */
				if (!exists(object, nr))
					refused &= raw_request(fd_of(object), nr, good) == -ENOTTY;
			}
		}
		ktap_check(refused, "numbers near those of requests do not exist on %s",
			   names[object]);
	}
	refused = true;
	if (pipe(pipes))
		ktap_bail("pipe");
	for (i = 0; i < REQUESTS; i++)
		refused &= raw_request(pipes[0], requests[i].nr, edge) == -ENOTTY &&
			   raw_request(-1, requests[i].nr, edge) == -EBADF;
	ktap_check(refused, "requests to no object of ours");
	close(pipes[0]);
	close(pipes[1]);
}

/* open() once more through /proc: the object, or -errno. */
static int reopened(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = open(path, O_RDWR);
	return fd < 0 ? -errno : fd;
}

static void wrong_file_operations(void)
{
	static const char *const names[OBJECTS] = { "the device", "a VM", "a vCPU" };
	int epoll = epoll_create1(EPOLL_CLOEXEC), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN };
	unsigned int object;

	for (object = 0; object < OBJECTS; object++) {
		struct iovec iov = { edge, 16 };
		int fd = fd_of(object);
		struct pollfd poller = { .fd = fd, .events = POLLIN };

		ktap_check(read(fd, edge, 1) == -1 && errno == EINVAL &&
				   write(fd, edge, 1) == -1 && errno == EINVAL &&
				   pread(fd, edge, 1, 0) == -1 && writev(fd, &iov, 1) == -1 &&
				   sendfile(null, fd, NULL, 1) == -1 && ftruncate(fd, 1) == -1 &&
				   fallocate(fd, 0, 0, 1) == -1 && fsync(fd) == -1,
			   "%s is nothing to read or write", names[object]);
		/* As for any file that has nothing to wait for: never in the way. */
		ktap_check(poll(&poller, 1, 0) == 1 && poller.revents == POLLIN &&
				   epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == -1 &&
				   errno == EPERM,
			   "%s is nothing to wait for", names[object]);
		if (object != VCPU)
			ktap_check(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED &&
					   errno == ENODEV,
				   "%s has no memory", names[object]);
	}
	ktap_check(reopened(bare->vm) == -ENXIO && reopened(bare->vcpu) == -ENXIO,
		   "VMs and vCPUs do not open again through proc");
	close(epoll);
	close(null);
}

static void wrong_seeks(void)
{
	static const int whences[] = { SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE, 99, -1 };
	static const off_t offsets[] = { 1, -1, 1l << 62, INT64_MIN };
	bool refused = true;
	unsigned int i;
	off_t offset;

	for (i = 0; i < sizeof(whences) / sizeof(*whences); i++)
		refused &= lseek(bare->vcpu, 0, whences[i]) == -1 && errno == EINVAL;
	ktap_check(refused, "seeks in other ways are invalid");
	for (i = 0, refused = true; i < sizeof(offsets) / sizeof(*offsets); i++)
		refused &= lseek(bare->vcpu, offsets[i], SEEK_SET) == -1 && errno == EINVAL;
	ktap_check(refused, "seeks to other places are invalid");
	bare_load(bare, 0, "", 0);
	do {
		offset = lseek(bare->vcpu, 0, SEEK_SET);
	} while (offset == -1 && errno == EINTR);
	ktap_check(offset == 0 && bare_end(bare, 0).reached_end,
		   "the one seek that is right runs");
}

static void run_page(void)
{
	static const struct {
		const char *name;
		size_t size;
		int prot, flags;
		off_t offset;
	} wrong[] = {
		{ "at the second page", PAGE, PROT_READ, MAP_SHARED, PAGE },
		{ "at the last page", PAGE, PROT_READ, MAP_SHARED, (1l << 62) },
		{ "of two pages", 2 * PAGE, PROT_READ, MAP_SHARED, 0 },
		{ "of a GiB", 1ul << 30, PROT_READ, MAP_SHARED, 0 },
		{ "that is private", PAGE, PROT_READ, MAP_PRIVATE, 0 },
		{ "that is private and writable", PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0 },
		{ "that executes", PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, 0 },
		{ "of huge pages", PAGE, PROT_READ, MAP_SHARED | MAP_HUGETLB, 0 },
	};
	struct dune_run *run = bare->run, *second;
	unsigned int i;

	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ktap_check(mmap(NULL, wrong[i].size, wrong[i].prot, wrong[i].flags, bare->vcpu,
				wrong[i].offset) == MAP_FAILED && errno == EINVAL,
			   "no mapping of the run page %s", wrong[i].name);
	ktap_check(mprotect(run, PAGE, PROT_READ | PROT_EXEC) == -1 && errno == EACCES,
		   "the run page does not become executable");
	ktap_check(mremap(run, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED &&
			   mremap(run, 0, PAGE, MREMAP_MAYMOVE) == MAP_FAILED,
		   "the run page does not grow or double by mremap");
	second = raw_run_page(bare->vcpu);
	ktap_check(second && second != run, "the run page maps twice");
	second->regs.rax = 0x1234;
	ktap_check(run->regs.rax == 0x1234, "and both are the same");
	run = mremap(run, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, edge + 4 * PAGE);
	ktap_check(run != MAP_FAILED && run->regs.rax == 0x1234, "the run page moves");
	bare->run = run;
	ktap_check(madvise(run, PAGE, MADV_DONTNEED) == 0 && second->regs.rax == 0x1234,
		   "advice takes a mapping away, not the page");
	munmap(run, PAGE);
	bare->run = second;
	bare_load(bare, 0, "", 0);
	ktap_check(bare_run(bare).reached_end, "any mapping of the run page will do");
}

int main(void)
{
	int copies[2];

	ktap_plan(68);
	bare = bare_create();
	edge = mmap(NULL, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	constant = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (edge == MAP_FAILED || constant == MAP_FAILED ||
	    mprotect(edge, PAGE, PROT_READ | PROT_WRITE))
		ktap_bail("no memory");
	wrong_arguments();
	wrong_objects();
	wrong_file_operations();
	wrong_seeks();
	run_page();

	/* Everything through copies of the descriptors. */
	copies[0] = dup(bare->vm);
	copies[1] = dup(bare->vcpu);
	close(bare->vm);
	close(bare->vcpu);
	bare->vm = copies[0];
	bare->vcpu = copies[1];
	bare_reset(bare);
	bare_load(bare, 0, "", 0);
	ktap_check(bare_run(bare).reached_end, "copies of descriptors are as good");
	bare_destroy(bare);
	return ktap_exit_status();
}
