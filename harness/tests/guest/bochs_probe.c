// SPDX-License-Identifier: MIT
/*
 * What the tests of the Bochs engine look at: time stamps, random numbers, the cost of a system
 * call on every CPU alone and next to a busy one. Prints "name value..." lines; all times are TSC
 * ticks.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe_clock.h"

#define LOOPS 2000
#define PAGE 4096

static int64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The median: a timer interrupt in the loop must not count. */
static uint64_t median_getpid(void)
{
	static uint64_t cost[LOOPS];

	for (int i = 0; i < LOOPS; i++) {
		uint64_t start = ticks();

		syscall(SYS_getpid);
		cost[i] = ticks() - start;
	}
	qsort(cost, LOOPS, sizeof(cost[0]), by_value);
	return cost[LOOPS / 2];
}

static uint64_t mean_fault(void)
{
	char *area = mmap(NULL, LOOPS * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	uint64_t start;

	if (area == MAP_FAILED)
		exit(3);
	madvise(area, LOOPS * PAGE, MADV_NOHUGEPAGE);
	start = ticks();
	for (int i = 0; i < LOOPS; i++)
		*(volatile char *)(area + i * PAGE) = 1;
	start = ticks() - start;
	munmap(area, LOOPS * PAGE);
	return start / LOOPS;
}

static uint64_t copy_cost(size_t bytes)
{
	static char from[1 << 16], to[1 << 16];
	char *source = from, *target = to;
	uint64_t start = ticks();

	asm volatile("rep movsb" : "+S"(source), "+D"(target), "+c"(bytes) : : "memory");
	return ticks() - start;
}

/* Without the tick that may fall into one of them. */
static uint64_t least_copy_cost(size_t bytes)
{
	uint64_t least = copy_cost(bytes); /* its pages must be there */

	for (int i = 0; i < 8; i++) {
		uint64_t cost = copy_cost(bytes);

		least = cost < least ? cost : least;
	}
	return least;
}

static void samples(const char *name, int cpu)
{
	pin(cpu);
	printf("%s.getpid %lu\n", name, median_getpid());
	printf("%s.fault %lu\n", name, mean_fault());
	printf("%s.copy4096 %lu\n", name, least_copy_cost(4096));
	printf("%s.tsc", name);
	for (int i = 0; i < 16; i++)
		printf(" %lu", ticks());
	printf("\n");
}

static void frequency(void)
{
	int64_t ns = now_ns();
	uint64_t start = ticks();

	for (volatile int i = 0; i < 3000000; i++)
		;
	start = ticks() - start;
	printf("clock %lu %ld\n", start, now_ns() - ns);
}

static void random_numbers(void)
{
	unsigned int a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_RDRND))
		return;
	printf("rdrand");
	for (int i = 0; i < 8; i++) {
		uint64_t value;

		asm volatile("rdrand %0" : "=r"(value) : : "cc");
		printf(" %016lx", value);
	}
	printf("\n");
}

/* Keeps a CPU busy with what would move the other's clock if clocks were not per CPU. */
static pid_t neighbour(int cpu)
{
	pid_t pid = fork();

	if (pid == 0) {
		pin(cpu);
		for (;;) {
			copy_cost(1 << 16);
			syscall(SYS_getpid);
		}
	}
	return pid;
}

int main(void)
{
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	char name[16];

	printf("cpus %d\n", cpus);
	random_numbers();
	frequency();
	for (int cpu = 0; cpu < cpus; cpu++) {
		snprintf(name, sizeof(name), "cpu%d", cpu);
		samples(name, cpu);
	}
	if (cpus > 1) {
		pid_t pid = neighbour(0);

		samples("busy1", 1);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return 0;
}
