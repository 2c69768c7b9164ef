// SPDX-License-Identifier: MIT
/* The shield: which interrupts wait, for how long, and who may have it. AMD's are refused. */
#include <cpuid.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>

#include "lib/dune_mode.h"

#define CAP "/sys/module/dune/parameters/shield_max_us"
#define VECTOR 0x50

static bool intel;
static uint64_t us; /* ticks */
static volatile unsigned long signals, came;

static uint64_t now(void)
{
	return __builtin_ia32_rdtsc();
}

static void spin(unsigned int n)
{
	uint64_t start = now();

	while (now() - start < n * us)
		__builtin_ia32_pause();
}

static uint64_t ticks_of_us(void)
{
	struct timespec a, b;
	uint64_t start;

	clock_gettime(CLOCK_MONOTONIC, &a);
	start = now();
	do
		clock_gettime(CLOCK_MONOTONIC, &b);
	while ((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec < 2000000);
	return (now() - start) / 2000;
}

static int cap(int value)
{
	FILE *file = fopen(CAP, "r+");
	int before;

	if (!file || fscanf(file, "%d", &before) != 1)
		ktap_bail("%s", CAP);
	rewind(file);
	fprintf(file, "%d\n", value);
	fclose(file);
	return before;
}

static void on_signal(int signal)
{
	(void)signal;
	signals++;
}

static void on_timer(struct dune_trap_frame *frame, void *arg)
{
	(void)frame;
	(void)arg;
	came++;
}

/* A clock of the host's that interrupts this CPU; not so often that there is nothing else. */
#define EVERY 4000

static void ticking(bool on)
{
	const struct timeval every = { .tv_usec = on ? EVERY : 0 };
	const struct itimerval timer = { every, every };

	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Or longer, until more signals came. */
static bool signals_come(unsigned int n, unsigned long than)
{
	uint64_t start = now();

	while (now() - start < n * us || (signals <= than && now() - start < 4000000 * us))
		__builtin_ia32_pause();
	return signals > than;
}

/* Whether it begins where it can, and is refused where it cannot. */
static bool begins(unsigned int n)
{
	return dune_shield_begin(now() + n * us) == (intel ? 0 : -ENOTSUP);
}

static void refusals(void)
{
	ktap_check(dune_shield_begin(~0ull) == -EPERM && dune_shield_end() == -EPERM,
		   "in Linux mode: EPERM");
	must_enter();
	cap(0);
	ktap_check(dune_shield_begin(~0ull) == (intel ? -EACCES : -ENOTSUP),
		   "without the administrator: EACCES");
	ticking(true);
	ktap_check(signals_come(0, 2), "the host interrupts whom it likes");
	ticking(false);
	ktap_check(!dune_shield_end(), "an end without a beginning");
}

static void windows(void)
{
	unsigned long before, inside;
	uint64_t until;
	bool ok;

	cap(90000);
	ok = begins(1000);
	ktap_check(ok, "with one it begins; never on AMD");
	dune_shield_end();
	ticking(true);
	ok = begins(80000);
	before = signals;
	if (intel)
		spin(5 * EVERY);
	else
		signals_come(5 * EVERY, before);
	inside = signals;
	dune_shield_end();
	ktap_check(ok && (inside == before) == intel, "under the shield it interrupts nobody");
	ktap_check(signals > before, "what waited comes at its end");
	ok = begins(2 * EVERY);
	before = signals;
	ktap_check(ok && signals_come(0, before), "which comes by itself");
	ok = begins(80000);
	before = signals;
	if (intel)
		spin(2 * EVERY);
	else
		signals_come(0, before);
	ok = ok && (signals == before) == intel;
	sched_yield();
	ktap_check(ok && signals > before, "a system call lets in what waits");
	dune_shield_end();
	cap(1000);
	until = now() + 1000000 * us;
	ok = begins(1000000);
	before = signals;
	ktap_check(ok && signals_come(0, before + 2) && (now() < until || !intel),
		   "longer than allowed nothing waits");
	dune_shield_end();
	cap(90000);
	ok = begins(80000);
	before = came;
	dune_timer_set(now() + 200 * us);
	spin(1000);
	ktap_check(ok && came == before + 1, "the thread's own timer comes in time");
	dune_shield_end();
	ticking(false);
}

int main(void)
{
	unsigned int a, b, c, d;
	int before = cap(0);

	__cpuid(0, a, b, c, d);
	intel = b == signature_INTEL_ebx;
	us = ticks_of_us();
	ktap_plan(4 + 7);
	if (dune_init(NULL))
		ktap_bail("dune_init");
	signal(SIGALRM, on_signal);
	dune_trap_set(VECTOR, on_timer, NULL);
	refusals();
	dune_timer_open(VECTOR, 0);
	windows();
	dune_leave();
	cap(before);
	return ktap_exit_status();
}
