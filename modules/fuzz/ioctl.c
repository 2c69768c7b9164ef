// SPDX-License-Identifier: MIT
/*
 * fuzz-ioctl: sequences of random calls, right and wrong, by several threads on
 * the same objects. Only documented errnos come back, the kernel says nothing,
 * and nothing is left behind. The seed and the number of a sequence decide all
 * its calls; how the threads meet is the machine's.
 */
#include "ioctl.h"

#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ktap.h"

#define CALLS_OF_A_THREAD 64

struct worker {
	struct world *world;
	pthread_t thread;
	struct random random;
	unsigned int n;
	atomic_bool done;
	struct call wrong;
};

static char wrong[256]; /* what was, if something was */
static int kmsg;

static void on_signal(int signal)
{
	(void)signal;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct call call;
	unsigned int i;

	for (i = 0; i < w->n && !w->wrong.name; i++)
		if (!call_random(w->world, &w->random, &call))
			w->wrong = call;
	w->done = true;
	return NULL;
}

/* The first line of the kernel's at warning level or above, since the last look. */
static bool kernel_complained(void)
{
	char line[512];
	ssize_t n;

	while ((n = read(kmsg, line, sizeof(line) - 1)) > 0) {
		line[n] = 0;
		if ((atoi(line) & 7) <= 4 && strchr(line, ';')) {
			snprintf(wrong, sizeof(wrong), "kernel: %.200s", strchr(line, ';') + 1);
			return true;
		}
	}
	return false;
}

static void world_begin(struct world *world)
{
	int i;

	for (i = 0; i < FDS; i++)
		world->fds[i] = -1;
	/* Something to begin with, so that few calls are wasted. */
	world->fds[0] = open(DUNE_DEVICE_PATH, O_RDWR | O_CLOEXEC);
	world->fds[1] = raw_vm_create(world->fds[0]);
	world->fds[2] = raw_vcpu_create(world->fds[1]);
	world->fds[3] = raw_vcpu_create(world->fds[1]);
}

static void world_end(struct world *world)
{
	int i;

	mmap(world->pages, PAGES * BARE_PAGE, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	for (i = 0; i < FDS; i++)
		if (world->fds[i] >= 0)
			close(world->fds[i]);
}

/* One sequence of n calls a thread: false if something was wrong. */
static bool sequence(struct world *world, uint64_t seed, uint64_t index, unsigned int n)
{
	struct worker workers[THREADS] = { 0 };
	bool all;
	int i;

	wrong[0] = 0;
	world_begin(world);
	for (i = 0; i < THREADS; i++) {
		workers[i].world = world;
		workers[i].random = random_at(seed, index, i);
		workers[i].n = n;
		pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]);
	}
	do { /* no guest keeps its thread for long */
		usleep(1000);
		for (all = true, i = 0; i < THREADS; i++)
			if (!workers[i].done) {
				pthread_kill(workers[i].thread, SIGUSR1);
				all = false;
			}
	} while (!all);
	for (i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		if (workers[i].wrong.name)
			snprintf(wrong, sizeof(wrong), "%s: %s", workers[i].wrong.name,
				 strerror(-workers[i].wrong.result));
	}
	world_end(world);
	return !kernel_complained() && !wrong[0];
}

/* Guest memory that an earlier sequence wrote to is made again. */
static void world_refresh(struct world *world, struct bare *bare)
{
	memset(bare->memory, 0, BARE_BYTES);
	bare_vcpu_renew(bare);
	bare_reset(bare);
	bare_load(bare, 0, "\x48\xff\x06\x0f\x01\xd9\xeb\xf8", 8); /* incq (%rsi); vmmcall; again */
	world->template = *bare->run;
}

static void shrink(struct world *world, struct bare *bare, uint64_t seed, uint64_t index,
		   const char *path)
{
	unsigned int n = CALLS_OF_A_THREAD;
	char first[sizeof(wrong)];
	FILE *file = fopen(path, "w");

	memcpy(first, wrong, sizeof(first));
	for (;; n /= 2) {
		world_refresh(world, bare);
		if (n == 1 || sequence(world, seed, index, n / 2))
			break;
	}
	if (!file) {
		printf("# cannot write %s\n", path);
		return;
	}
	fprintf(file, "fuzz-ioctl --seed %lu --only %lu --calls %u\nwrong: %s\n", seed, index, n,
		first);
	fclose(file);
}

/* Sum of the live_* lines, or -1. */
static long live_objects(void)
{
	FILE *file = fopen("/sys/kernel/debug/dune/stats", "r");
	char name[64];
	long value, sum = 0;

	if (!file)
		return -1;
	while (fscanf(file, "%63s %ld", name, &value) == 2)
		sum += strncmp(name, "live_", 5) ? 0 : value;
	fclose(file);
	return sum;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'c' },
		{ "only", required_argument, NULL, 'o' },
		{ "calls", required_argument, NULL, 'n' },
		{ "shrink", required_argument, NULL, 'f' },
		{ 0 },
	};
	const struct sigaction action = { .sa_handler = on_signal };
	struct world world = { 0 };
	const char *path = "/tmp/fuzz-ioctl.txt";
	uint64_t seed = 1, count = 20, first = 0, i;
	unsigned int n = CALLS_OF_A_THREAD;
	struct bare *bare;
	bool good = true;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (option == 'c')
			count = strtoull(optarg, NULL, 0);
		else if (option == 'o')
			first = strtoull(optarg, NULL, 0), count = 1, world.say = true;
		else if (option == 'n')
			n = strtoul(optarg, NULL, 0);
		else if (option == 'f')
			path = optarg;
		else
			return 2;
	}
	sigaction(SIGUSR1, &action, NULL);
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	lseek(kmsg, 0, SEEK_END);
	bare = bare_create();
	world.bare = bare;
	world.pages = mmap(NULL, PAGES * BARE_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	world.edge = mmap(NULL, 4 * BARE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	world.constant = world.edge + 3 * BARE_PAGE;
	if (world.edge == MAP_FAILED || world.pages == MAP_FAILED ||
	    mprotect(world.edge, BARE_PAGE, PROT_READ | PROT_WRITE) ||
	    mprotect(world.constant, BARE_PAGE, PROT_READ))
		ktap_bail("no memory");
	ktap_plan(2);
	for (i = first; i < first + count && good; i++) {
		world_refresh(&world, bare);
		good = sequence(&world, seed, i, n);
	}
	printf("# seed %lu: %lu sequences, %lu calls, %lu refused\n", seed, i - first, world.calls,
	       world.errors);
	if (!good) {
		printf("# sequence %lu: %s; reproducer in %s\n", i - 1, wrong, path);
		shrink(&world, bare, seed, i - 1, path);
	}
	ktap_check(good, "random calls have documented results");
	bare_destroy(bare);
	ktap_check(live_objects() == 0, "and leave nothing behind");
	return ktap_exit_status();
}
