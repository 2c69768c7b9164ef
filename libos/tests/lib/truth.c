// SPDX-License-Identifier: MIT
/* The workers and the rounds behind truth.h. */
#include <cpuid.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dune_mode.h"
#include "access.h"
#include "truth.h"

#define PASSES_PER_TURN 8
#define TCG_SIGNATURE 0x54474354 /* "TCGT" */

/* A worker's view of what is right, and what it found wrong. */
struct worker {
	pthread_t thread;
	unsigned int nr;
	uint32_t expected[PAGES_MAX];
	unsigned long passes;
	unsigned long stale, foreign, gone, lost;
	uint64_t example;
};

static struct {
	struct truth *truth;
	const struct scenario *scenario;
	/* Odd: generation (sequence + 1) / 2 is being made. Even: sequence / 2 is current. */
	uint64_t sequence;
	bool stop;
	struct worker workers[WORKERS];
} run;

/* TCG is slow at what these rounds are made of. */
static unsigned int rounds_divisor = 1;

static volatile uint64_t *page_word(const struct truth *t, unsigned int page, unsigned int word)
{
	return (volatile uint64_t *)(t->area + page * PAGE) + word;
}

static uint64_t sequence_read(void)
{
	return __atomic_load_n(&run.sequence, __ATOMIC_SEQ_CST);
}

static uint64_t stamp(uint64_t generation, unsigned int page)
{
	return generation << 32 | page;
}

/* Tells the counters of one worker in one page from all other words. */
static uint64_t count_tag(const struct worker *w, unsigned int page)
{
	return (uint64_t)(page * WORKERS + w->nr + 1) << 32;
}

static void stamp_check(struct worker *w, unsigned int page)
{
	uint64_t before = sequence_read(), after, value = 0;
	bool there = access_load(page_word(run.truth, page, 0), &value);

	after = sequence_read();
	if (!there || !value) {
		/* Only while it is being replaced may it be missing or blank. */
		if (before == after && !(before & 1) && (!there || before))
			w->gone++;
		return;
	}
	if ((uint32_t)value != page || value >> 32 > (after + 1) / 2)
		w->foreign++;
	else if (value >> 32 < before / 2)
		w->stale++;
	else
		return;
	w->example = value;
}

static void count_check(struct worker *w, unsigned int page)
{
	volatile uint64_t *word = page_word(run.truth, page, 1 + w->nr);
	uint64_t tag = count_tag(w, page), value = 0;
	uint32_t expected = w->expected[page];

	if (access_load(word, &value)) {
		if (value && value >> 32 != tag >> 32)
			w->foreign++;
		else if (run.scenario->keeps && (uint32_t)value != expected)
			w->lost++;
		else
			goto count;
		w->example = value;
	}
count:
	if (access_store(word, tag | (expected + 1)))
		w->expected[page] = expected + 1;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	unsigned int i;

	if (!dune_in_guest())
		must_enter();
	while (!__atomic_load_n(&run.stop, __ATOMIC_ACQUIRE)) {
		for (i = 0; i < run.truth->pages; i++) {
			stamp_check(w, i);
			count_check(w, i);
		}
		__atomic_store_n(&w->passes, w->passes + 1, __ATOMIC_SEQ_CST);
		/* More threads than CPUs: let the others race, too. */
		if (w->passes % PASSES_PER_TURN == 0)
			sched_yield();
	}
	return NULL;
}

void truth_wait(const struct truth *t)
{
	unsigned int i;

	(void)t;
	for (i = 0; i < WORKERS; i++) {
		unsigned long *passes = &run.workers[i].passes;
		unsigned long goal = __atomic_load_n(passes, __ATOMIC_SEQ_CST) + 2;

		while (__atomic_load_n(passes, __ATOMIC_SEQ_CST) < goal)
			sched_yield();
	}
}

bool truth_fork(struct truth *t, unsigned int round)
{
	int status = -1;
	pid_t pid = fork();

	(void)round;
	if (pid == 0)
		_exit(truth_frozen(t) ? 0 : 1);
	truth_wait(t);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

uint64_t truth_sum(const struct truth *t)
{
	uint64_t sum = 0;
	unsigned int i, w;

	for (i = 0; i < t->pages; i++)
		for (w = 0; w < WORKERS; w++)
			sum += *page_word(t, i, 1 + w);
	return sum;
}

bool truth_frozen(const struct truth *t)
{
	struct timespec millisecond = { .tv_nsec = 1000000 };
	uint64_t before = truth_sum(t);

	nanosleep(&millisecond, NULL);
	return truth_sum(t) == before;
}

static void stamps_write(struct truth *t)
{
	unsigned int i;

	for (i = 0; i < t->pages; i++)
		*page_word(t, i, 0) = stamp(t->generation, i);
}

static bool round_run(struct truth *t, unsigned int round)
{
	bool ok;

	t->generation = round;
	__atomic_store_n(&run.sequence, 2ull * round - 1, __ATOMIC_SEQ_CST);
	ok = round == 1 || run.scenario->change(t, round);
	stamps_write(t);
	__atomic_store_n(&run.sequence, 2ull * round, __ATOMIC_SEQ_CST);
	truth_wait(t);
	return ok;
}

/* What the workers found, and what the changer sees once they have ended. */
static bool verdict(struct truth *t, bool dune)
{
	bool ok = true;
	unsigned int i, w;

	for (w = 0; w < WORKERS; w++) {
		struct worker *worker = &run.workers[w];

		for (i = 0; run.scenario->keeps && i < t->pages; i++)
			worker->lost += (uint32_t)*page_word(t, i, 1 + w) !=
					worker->expected[i];
		if (!(worker->stale | worker->foreign | worker->gone | worker->lost))
			continue;
		printf("# %s, %s mode: stale %lu, foreign %lu, gone %lu, lost %lu, e.g. %#lx\n",
		       run.scenario->name, dune ? "Dune" : "Linux", worker->stale,
		       worker->foreign, worker->gone, worker->lost, worker->example);
		ok = false;
	}
	return ok;
}

static bool scenario_run(const struct scenario *s, struct truth *t, unsigned int rounds, bool dune)
{
	long faults = access_faults;
	bool ok = true;
	unsigned int i;

	memset(&run, 0, sizeof(run));
	run.truth = t;
	run.scenario = s;
	t->generation = 0;
	if (dune)
		must_enter();
	for (i = 0; i < WORKERS; i++) {
		run.workers[i].nr = i;
		if (pthread_create(&run.workers[i].thread, NULL, work, &run.workers[i]))
			ktap_bail("pthread_create");
	}
	for (i = 1; i <= rounds; i++)
		ok &= round_run(t, i);
	__atomic_store_n(&run.stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < WORKERS; i++)
		pthread_join(run.workers[i].thread, NULL);
	if (!ok)
		printf("# %s: the changer saw something wrong\n", s->name);
	ok &= verdict(t, dune);
	if (s->no_faults && access_faults != faults) {
		printf("# %s: %ld faults\n", s->name, access_faults - faults);
		ok = false;
	}
	if (dune)
		dune_leave();
	return ok;
}

static void scenario_check(const struct scenario *s, unsigned int scale, bool dune)
{
	struct truth t = { .pages = s->pages };
	const char *why = NULL;
	char name[128];
	bool ok;

	snprintf(name, sizeof(name), "%s, by a thread in %s mode", s->name,
		 dune ? "Dune" : "Linux");
	if (s->setup)
		why = s->setup(&t);
	else
		t.area = truth_map(t.pages * PAGE);
	if (why) {
		ktap_skip(name, why);
		return;
	}
	ok = scenario_run(s, &t, s->rounds * scale / rounds_divisor, dune);
	if (s->teardown)
		ok &= s->teardown(&t);
	else
		munmap(t.area, t.pages * PAGE);
	ktap_check(ok, "%s", name);
}

/*
 * QEMU's TCG (7.2) now and then takes a second exit with the host's state when
 * another CPU's interrupt ends a guest in the middle of a nested fault. There
 * the vCPUs race by being preempted, on one CPU.
 */
static bool one_cpu_on_tcg(void)
{
	unsigned int eax, ebx, ecx, edx;
	cpu_set_t one;

	__cpuid(1, eax, ebx, ecx, edx);
	if (!(ecx & 1u << 31))
		return false;
	__cpuid(0x40000000, eax, ebx, ecx, edx);
	if (ebx != TCG_SIGNATURE)
		return false;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	return !sched_setaffinity(0, sizeof(one), &one);
}

int truth_main(const struct scenario *scenarios, size_t n, int argc, char **argv)
{
	unsigned int scale = argc > 1 ? (unsigned int)atoi(argv[1]) : 1;
	size_t i;

	ktap_plan(2 * (int)n);
	if (one_cpu_on_tcg())
		rounds_divisor = 3;
	if (dune_init(NULL))
		ktap_bail("dune_init");
	dune_pgfault_set(access_fault, NULL);
	for (i = 0; i < n; i++) {
		scenario_check(&scenarios[i], scale, false);
		scenario_check(&scenarios[i], scale, true);
	}
	return ktap_exit_status();
}

unsigned char *truth_map(size_t size)
{
	size_t whole = size < HUGE ? size : size + HUGE;
	unsigned char *at = mmap(NULL, whole, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uintptr_t aligned = ((uintptr_t)at + HUGE - 1) & ~(HUGE - 1);

	if (at == MAP_FAILED)
		ktap_bail("mmap of %zu bytes", size);
	if (whole == size)
		return at;
	if (aligned > (uintptr_t)at)
		munmap(at, aligned - (uintptr_t)at);
	munmap((void *)(aligned + size), (uintptr_t)at + whole - aligned - size);
	return (void *)aligned;
}

int number_write(const char *path, long number)
{
	FILE *file = fopen(path, "w");
	int error;

	if (!file)
		return -1;
	error = fprintf(file, "%ld", number) < 0;
	return fclose(file) || error ? -1 : 0;
}

long number_read(const char *path)
{
	FILE *file = fopen(path, "r");
	long number = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%ld", &number) != 1)
		number = -1;
	fclose(file);
	return number;
}
