// SPDX-License-Identifier: MIT
/* Memory that userfaultfd serves, and huge pages of both kinds, under several vCPUs. */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/dune_mode.h"
#include "lib/truth.h"

#define SMALL 24
#define ROUNDS 12
#define MADV_COLLAPSE_NR 25
#define POOL "/proc/sys/vm/nr_hugepages"
#define POOL_PAGES 4

static size_t size_of(const struct truth *t)
{
	return t->pages * PAGE;
}

/* userfaultfd */

static struct {
	int fd;
	bool stop, wait;
	pthread_t thread;
	struct truth *t;
	long served;
} handler;

/* A missing page arrives with the stamp of the generation that is being made. */
static void missing_serve(uintptr_t page)
{
	static uint64_t source[PAGE / 8] __attribute__((aligned(4096)));
	struct uffdio_copy copy = { .dst = page, .src = (uintptr_t)source, .len = PAGE };

	source[0] = __atomic_load_n(&handler.t->generation, __ATOMIC_SEQ_CST) << 32 |
		    (page - (uintptr_t)handler.t->area) / PAGE;
	ioctl(handler.fd, UFFDIO_COPY, &copy);
}

static int protect(uintptr_t start, size_t length, bool on)
{
	struct uffdio_writeprotect wp = {
		.range = { start, length },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return ioctl(handler.fd, UFFDIO_WRITEPROTECT, &wp);
}

static void *handle(void *unused)
{
	struct pollfd poll_fd = { .fd = handler.fd, .events = POLLIN };
	struct uffd_msg msg;

	(void)unused;
	while (!__atomic_load_n(&handler.stop, __ATOMIC_ACQUIRE)) {
		uintptr_t page;

		if (poll(&poll_fd, 1, 20) != 1 ||
		    read(handler.fd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		while (__atomic_load_n(&handler.wait, __ATOMIC_SEQ_CST))
			sched_yield();
		page = msg.arg.pagefault.address & ~(PAGE - 1);
		handler.served++;
		if (msg.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP)
			protect(page, PAGE, false);
		else
			missing_serve(page);
	}
	return NULL;
}

static const char *uffd_setup(struct truth *t, uint64_t mode)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = mode };

	memset(&handler, 0, sizeof(handler));
	handler.fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (handler.fd < 0)
		return "no userfaultfd";
	if (ioctl(handler.fd, UFFDIO_API, &api))
		ktap_bail("UFFDIO_API");
	handler.t = t;
	t->area = truth_map(size_of(t));
	madvise(t->area, size_of(t), MADV_NOHUGEPAGE);
	if (mode == UFFDIO_REGISTER_MODE_WP)
		memset(t->area, 0, size_of(t));
	reg.range.start = (uintptr_t)t->area;
	reg.range.len = size_of(t);
	if (ioctl(handler.fd, UFFDIO_REGISTER, &reg))
		ktap_bail("UFFDIO_REGISTER");
	if (pthread_create(&handler.thread, NULL, handle, NULL))
		ktap_bail("pthread_create");
	return NULL;
}

static const char *missing_setup(struct truth *t)
{
	return uffd_setup(t, UFFDIO_REGISTER_MODE_MISSING);
}

static const char *wp_setup(struct truth *t)
{
	return uffd_setup(t, UFFDIO_REGISTER_MODE_WP);
}

static bool uffd_teardown(struct truth *t)
{
	__atomic_store_n(&handler.stop, true, __ATOMIC_RELEASE);
	pthread_join(handler.thread, NULL);
	close(handler.fd);
	return !munmap(t->area, size_of(t)) && handler.served > 0;
}

static bool drop(struct truth *t, unsigned int round)
{
	(void)round;
	return !madvise(t->area, size_of(t), MADV_DONTNEED);
}

/* Writers stop at the protection until the handler, told to, lifts it page by page. */
static bool write_protect(struct truth *t, unsigned int round)
{
	long served = handler.served;
	bool ok;

	(void)round;
	__atomic_store_n(&handler.wait, true, __ATOMIC_SEQ_CST);
	ok = !protect((uintptr_t)t->area, size_of(t), true) && truth_frozen(t);
	__atomic_store_n(&handler.wait, false, __ATOMIC_SEQ_CST);
	truth_wait(t);
	return ok && handler.served > served;
}

/* hugetlb */

static long pool_before;

static const char *hugetlb_setup(struct truth *t)
{
	unsigned char *place;

	pool_before = number_read(POOL);
	number_write(POOL, pool_before + POOL_PAGES);
	if (number_read(POOL) != pool_before + POOL_PAGES) {
		number_write(POOL, pool_before);
		return "no memory for huge pages";
	}
	place = truth_map(HUGE);
	t->area = mmap(place, HUGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED, -1, 0);
	if (t->area != place)
		ktap_bail("mmap of a huge page");
	return NULL;
}

static long pool_free(void)
{
	return number_read("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
}

/* A page that somebody still held would not come back to the pool. */
static bool hugetlb_teardown(struct truth *t)
{
	bool ok = !munmap(t->area, HUGE) && pool_free() == number_read(POOL);

	return !number_write(POOL, pool_before) && number_read(POOL) == pool_before && ok;
}

static bool hugetlb_replace(struct truth *t, unsigned int round)
{
	(void)round;
	return mmap(t->area, HUGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED, -1, 0) == t->area;
}

static bool hugetlb_protect(struct truth *t, unsigned int round)
{
	bool ok = !mprotect(t->area, HUGE, PROT_READ) && truth_frozen(t);

	(void)round;
	return !mprotect(t->area, HUGE, PROT_READ | PROT_WRITE) && ok;
}

/* Transparent huge pages */

static const char *thp_setup(struct truth *t)
{
	char line[64] = "";
	FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");

	if (!file || !fgets(line, sizeof(line), file) || strstr(line, "[never]")) {
		if (file)
			fclose(file);
		return "transparent huge pages are off";
	}
	fclose(file);
	t->area = truth_map(HUGE);
	if (madvise(t->area, HUGE, MADV_HUGEPAGE))
		ktap_bail("MADV_HUGEPAGE");
	return NULL;
}

static bool thp_teardown(struct truth *t)
{
	return !munmap(t->area, HUGE);
}

/* Split by protecting a part, then made whole again: by the kernel if it can at once. */
static bool thp_split_and_collapse(struct truth *t, unsigned int round)
{
	unsigned char *part = t->area + round % t->pages * PAGE;
	bool ok = !mprotect(part, PAGE, PROT_READ);

	truth_wait(t);
	ok &= !mprotect(part, PAGE, PROT_READ | PROT_WRITE);
	madvise(t->area, HUGE, MADV_COLLAPSE_NR);
	return ok;
}

/* Half of the page goes and comes back blank; the other half must stay. */
static bool thp_unmap_part(struct truth *t, unsigned int round)
{
	unsigned char *half = t->area + (round % 2) * HUGE / 2;

	if (munmap(half, HUGE / 2) ||
	    mmap(half, HUGE / 2, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != half)
		return false;
	madvise(t->area, HUGE, MADV_HUGEPAGE);
	madvise(t->area, HUGE, MADV_COLLAPSE_NR);
	return true;
}

static bool thp_drop(struct truth *t, unsigned int round)
{
	(void)round;
	return !madvise(t->area, HUGE, MADV_DONTNEED);
}

static const struct scenario scenarios[] = {
	{ "userfaultfd, missing pages", SMALL, ROUNDS, .no_faults = true,
	  .setup = missing_setup, .change = drop, .teardown = uffd_teardown },
	{ "userfaultfd, write-protected pages", SMALL, ROUNDS, .keeps = true,
	  .no_faults = true, .setup = wp_setup, .change = write_protect,
	  .teardown = uffd_teardown },
	{ "hugetlb, mapped anew", 512, ROUNDS, .setup = hugetlb_setup,
	  .change = hugetlb_replace, .teardown = hugetlb_teardown },
	{ "hugetlb, mprotect to read-only", 512, ROUNDS, .keeps = true, .setup = hugetlb_setup,
	  .change = hugetlb_protect, .teardown = hugetlb_teardown },
	{ "hugetlb, fork", 512, ROUNDS / 2, .keeps = true, .no_faults = true,
	  .setup = hugetlb_setup, .change = truth_fork, .teardown = hugetlb_teardown },
	{ "huge page split by mprotect and collapsed", 512, ROUNDS, .keeps = true,
	  .setup = thp_setup, .change = thp_split_and_collapse, .teardown = thp_teardown },
	{ "half of a huge page mapped anew", 512, ROUNDS, .setup = thp_setup,
	  .change = thp_unmap_part, .teardown = thp_teardown },
	{ "huge page dropped", 512, ROUNDS, .no_faults = true, .setup = thp_setup,
	  .change = thp_drop, .teardown = thp_teardown },
};

int main(int argc, char **argv)
{
	return truth_main(scenarios, sizeof(scenarios) / sizeof(*scenarios), argc, argv);
}
