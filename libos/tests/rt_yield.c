// SPDX-License-Identifier: MIT
/* Giving way, short or long, beside all else that lets go of a core: nothing is lost by it. */
#include <unistd.h>

#include "lib/rt_up.h"

#define TASKS 12u
#define TURNS 200u
#define US 1000ull

/*
 * uint64_t yields_with(uint64_t value): dune_rt_yield() with value and what follows it in all
 * registers that a call keeps. 0, or how many it did not keep, or its error.
 */
asm(".text\nyields_with:\npush %rbx\npush %rbp\npush %r12\npush %r13\npush %r14\npush %r15\n"
	"push %rdi\n"
	"mov %rdi, %rbx\nlea 1(%rdi), %rbp\nlea 2(%rdi), %r12\nlea 3(%rdi), %r13\n"
	"lea 4(%rdi), %r14\nlea 5(%rdi), %r15\n"
	"call dune_rt_yield\n"
	"movslq %eax, %rdx\npop %rdi\nxor %eax, %eax\nxor %ecx, %ecx\n"
	"cmp %rbx, %rdi\nsetne %cl\nadd %rcx, %rax\n"
	"inc %rdi\ncmp %rbp, %rdi\nsetne %cl\nadd %rcx, %rax\n"
	"inc %rdi\ncmp %r12, %rdi\nsetne %cl\nadd %rcx, %rax\n"
	"inc %rdi\ncmp %r13, %rdi\nsetne %cl\nadd %rcx, %rax\n"
	"inc %rdi\ncmp %r14, %rdi\nsetne %cl\nadd %rcx, %rax\n"
	"inc %rdi\ncmp %r15, %rdi\nsetne %cl\nadd %rcx, %rax\n"
	"or %rdx, %rax\n"
	"pop %r15\npop %r14\npop %r13\npop %r12\npop %rbp\npop %rbx\nret\n");
uint64_t yields_with(uint64_t value);

static uint32_t left, turns, wrong, classes;
static uint64_t yields;
static struct dune_rt_sem sem;

static void count(uint64_t bad)
{
	__atomic_fetch_add(&yields, 1, __ATOMIC_RELAXED);
	if (bad)
		__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

/* Rounding, of both units: a task's own as registers are. */
static void rounding_set(uint32_t mode)
{
	const uint32_t mxcsr = 0x1f80 | mode << 13;
	const uint16_t fcw = (uint16_t)(0x37f | mode << 10);

	asm volatile("ldmxcsr %0\n\tfldcw %1" :: "m"(mxcsr), "m"(fcw));
}

static bool rounding_is(uint32_t mode)
{
	uint32_t mxcsr;
	uint16_t fcw;

	asm volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(fcw));
	return (mxcsr >> 13 & 3) == mode && (fcw >> 10 & 3) == mode;
}

/* Its place in the table and its stack are another's at once. */
static void *ends_soon(void *arg)
{
	const bool plain = rounding_is(0); /* not of whoever had the place, or made it */

	rounding_set(3);
	count(yields_with((uint64_t)arg) || !rounding_is(3) || !plain);
	__atomic_fetch_sub(&left, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void makes_another(uint64_t nr)
{
	struct dune_rt_attr attr = rt_attr();

	attr.flags = DUNE_RT_DETACHED;
	attr.task_class = (uint16_t)(nr % classes);
	__atomic_fetch_add(&left, 1, __ATOMIC_SEQ_CST);
	rt_spawn(ends_soon, &left, &attr);
}

static void *gives_way(void *arg)
{
	const uint64_t nr = (uintptr_t)arg;
	const uint32_t mode = nr & 3;
	uint64_t own[16], random = nr;
	uint32_t i, k;

	rounding_set(mode);
	for (k = 0; k < 16; k++)
		own[k] = nr << 32 | k;
	asm volatile("" :: "r"(own) : "memory");
	for (i = 0; i < turns; i++) {
		random = random * 6364136223846793005ull + 1442695040888963407ull;
		switch (random >> 60) {
		case 0:
			if (dune_rt_sem_wait(&sem, 0))
				__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
			count(yields_with(random));
			dune_rt_sem_post(&sem);
			break;
		case 1:
			dune_rt_sleep_until(dune_rt_now() + (random >> 32 & 31) * US);
			break;
		case 2:
			makes_another(nr);
			break;
		default:
			count(yields_with(random));
		}
		asm volatile("" :: "r"(own) : "memory");
		for (k = 0; k < 16; k++)
			if (own[k] != (nr << 32 | k))
				__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
		if (!rounding_is(mode))
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
	}
	__atomic_fetch_sub(&left, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* While they run: neither count ever goes back, and no more gave way than there were dispatches. */
static bool counts_grow(uint32_t cores, struct dune_rt_stats *last)
{
	struct dune_rt_stats now;
	bool ok = true;
	uint32_t i;

	for (i = 0; i < cores; i++) {
		ok &= !dune_rt_stats_get(i, &now, sizeof(now)) &&
		      now.yields >= last[i].yields && now.dispatches >= last[i].dispatches;
		last[i] = now;
	}
	return ok;
}

static void among(const char *policy, uint32_t cores, uint32_t tasks)
{
	struct dune_rt_stats seen[64] = { 0 };
	struct dune_rt_attr attr = rt_attr();
	uint64_t sum = 0, dispatches = 0;
	bool ok = true;
	uint32_t i;

	rt_up(policy, cores);
	dune_rt_sem_init(&sem, 1);
	wrong = 0;
	yields = 0;
	turns = TURNS * TASKS / tasks;
	left = tasks;
	classes = strcmp(policy, "darc") ? 1 : 2;
	for (i = 0; i < tasks; i++) {
		attr.flags = DUNE_RT_DETACHED;
		attr.task_class = (uint16_t)(i % classes);
		rt_spawn(gives_way, (void *)(uintptr_t)i, &attr);
	}
	while (__atomic_load_n(&left, __ATOMIC_SEQ_CST)) {
		ok &= counts_grow(cores, seen);
		usleep(1000);
	}
	dune_rt_wait();
	ok &= counts_grow(cores, seen);
	for (i = 0; i < cores; i++) {
		sum += seen[i].yields;
		dispatches += seen[i].dispatches;
	}
	ktap_check(ok && !wrong && sum == yields && dispatches >= yields,
		   "%s, %u tasks on %s keep what is theirs, all is counted: %u wrong, %llu of %llu",
		   policy, tasks, cores > 1 ? "all cores" : "one core", wrong,
		   (unsigned long long)sum, (unsigned long long)yields);
	rt_down();
}

#define ROUNDS 20

static uint32_t round_now, posted, waiting, tasks_made;

/* As long as the round lasts: who is up gets the others up, between yields of the short way. */
static void *up_and_yields(void *arg)
{
	uint32_t mine;

	for (mine = 1; mine <= ROUNDS; mine++) {
		__atomic_fetch_add(&waiting, 1, __ATOMIC_SEQ_CST);
		dune_rt_sem_wait(&sem, 0);
		while (__atomic_load_n(&round_now, __ATOMIC_SEQ_CST) == mine) {
			dune_rt_yield();
			if (__atomic_fetch_add(&posted, 1, __ATOMIC_SEQ_CST) < tasks_made)
				dune_rt_sem_post(&sem);
		}
	}
	return arg;
}

static bool all_wait(void)
{
	int i;

	for (i = 0; i < 10000; i++) {
		if (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) == tasks_made)
			return true;
		usleep(1000);
	}
	return false;
}

/* Every core is given tasks from now on. */
static bool all_work(uint32_t cores)
{
	struct dune_rt_stats before[64], now;
	uint32_t i, poll;

	for (i = 0; i < cores; i++)
		dune_rt_stats_get(i, &before[i], sizeof(before[i]));
	for (i = poll = 0; i < cores && poll < 10000;) {
		dune_rt_stats_get(i, &now, sizeof(now));
		if (now.dispatches > before[i].dispatches + 1)
			i++;
		else
			poll += usleep(1000) == 0;
	}
	return i == cores;
}

/* The short way tells no idle core of anything: none is forgotten beside tasks that it may run. */
static void nobody_idles(const char *policy, uint32_t cores)
{
	struct dune_rt_attr attr = rt_attr();
	bool ok = true;
	uint32_t i;

	rt_up(policy, cores);
	dune_rt_sem_init(&sem, 0);
	classes = strcmp(policy, "darc") ? 1 : 2;
	tasks_made = 2 * cores;
	waiting = 0;
	round_now = 1;
	attr.flags = DUNE_RT_DETACHED;
	for (i = 0; i < tasks_made; i++) {
		attr.task_class = (uint16_t)(i % classes);
		rt_spawn(up_and_yields, NULL, &attr);
	}
	for (i = 1; i <= ROUNDS; i++) {
		ok &= all_wait();
		__atomic_store_n(&waiting, 0, __ATOMIC_SEQ_CST);
		__atomic_store_n(&posted, 1, __ATOMIC_SEQ_CST);
		dune_rt_sem_post(&sem);
		ok = ok && all_work(cores);
		__atomic_store_n(&round_now, i + 1, __ATOMIC_SEQ_CST);
		/* Who was up may have had no time to do it. */
		for (; __atomic_fetch_add(&posted, 1, __ATOMIC_SEQ_CST) < tasks_made;)
			dune_rt_sem_post(&sem);
	}
	ktap_check(ok, "%s, who was idle works when there is enough for all", policy);
	rt_down();
}

int main(void)
{
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	const uint32_t all = cpus > 64 ? 64 : cpus < 2 ? 2 : (uint32_t)cpus;
	size_t i;

	ktap_plan(3 * RT_NAMES + 3);
	if (dune_init(NULL))
		ktap_bail("dune_init");
	for (i = 0; i < RT_NAMES; i++) {
		among(rt_names[i], 1, TASKS);
		among(rt_names[i], all, TASKS);
		/* Hardly more than cores: they take each other's. */
		among(rt_names[i], all, 3);
	}
	nobody_idles("cfcfs", all);
	nobody_idles("sjf", all);
	nobody_idles("darc", all);
	return ktap_exit_status();
}
