// SPDX-License-Identifier: MIT
/*
 * How far apart two CPUs get when one of them executes instructions that cost much: CPU 1 writes
 * down its time stamp and executes such an instruction, again and again; CPU 0 looks. Prints
 * "bounds SEEN AHEAD CPU0 CPU1": values seen, the most by which one was ahead of CPU 0's own time
 * stamp, and how long each CPU says that it took. With an argument, CPU 1 sleeps now and then.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe_clock.h"

#define ROUNDS 500

struct shared {
	volatile uint64_t go, stamp, end;
};

static void spend(struct shared *shared, int sleepy)
{
	unsigned int a, b, c, d;

	pin(1);
	while (!shared->go)
		;
	for (int i = 0; i < ROUNDS; i++) {
		if (sleepy && i % 50 == 0)
			usleep(200);
		shared->stamp = ticks();
		__cpuid(0, a, b, c, d);
	}
	shared->end = ticks();
	_exit(0);
}

int main(int argc, char **argv)
{
	struct shared *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t start, last = 0;
	unsigned int seen = 0;
	int64_t ahead = INT64_MIN;

	(void)argv;
	if (shared == MAP_FAILED)
		return 3;
	pid_t child = fork();
	if (!child)
		spend(shared, argc > 1);
	pin(0);
	usleep(20000);
	start = ticks();
	shared->go = 1;
	while (!shared->end) {
		uint64_t stamp = shared->stamp;
		int64_t difference = (int64_t)(stamp - ticks());

		if (stamp == last)
			continue;
		last = stamp;
		seen++;
		if (difference > ahead)
			ahead = difference;
	}
	printf("bounds %u %ld %lu %lu\n", seen, ahead, ticks() - start, shared->end - start);
	return waitpid(child, NULL, 0) == child ? 0 : 3;
}
