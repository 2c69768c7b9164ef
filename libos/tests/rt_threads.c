// SPDX-License-Identifier: MIT
/* Tasks on cores of the runtime: made, run once each, joined, asleep; under every policy. */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../rt/shared.h"
#include "lib/dune_mode.h"
#include "lib/rt_up.h"

#define TASKS 120

static uint32_t seed = 6;

static uint32_t below(uint32_t n)
{
	return (__atomic_fetch_add(&seed, 0x9e3779b9u, __ATOMIC_RELAXED) * 0x85ebca6bu >> 7) % n;
}

static uint32_t runs[TASKS];

/* Some give way, some sleep, some make others. Its number comes back. */
static void *once(void *arg)
{
	const uintptr_t nr = (uintptr_t)arg;
	struct dune_rt_attr attr = rt_attr();
	uint32_t i;

	for (i = below(4); i; i--)
		dune_rt_yield();
	if (!below(8))
		dune_rt_sleep_until(dune_rt_now() + below(2) * MS / 5);
	if (2 * nr + 2 < TASKS) {
		attr.flags = DUNE_RT_DETACHED;
		attr.task_class = (uint16_t)below(2);
		attr.priority = (uint16_t)below(64);
		attr.deadline = below(2) ? dune_rt_now() + below(10) * MS : 0;
		attr.size_hint = below(2) * MS;
		rt_spawn(once, (void *)(2 * nr + 1), &attr);
		rt_spawn(once, (void *)(2 * nr + 2), &attr);
	}
	__atomic_fetch_add(&runs[nr], 1, __ATOMIC_RELAXED);
	return arg;
}

static bool each_once(uint32_t cores)
{
	struct dune_rt_stats stats;
	uint64_t dispatches = 0;
	void *result = &seed;
	dune_rt_task first;
	uint32_t i;
	bool ok;

	memset(runs, 0, sizeof(runs));
	first = rt_spawn(once, NULL, NULL);
	ok = !dune_rt_join(first, &result) && !result && dune_rt_join(first, &result) == -ESRCH;
	dune_rt_wait();
	for (i = 0; i < TASKS - (TASKS + 1) % 2; i++)
		ok &= runs[i] == 1;
	for (i = 0; i < cores; i++) {
		ok &= !dune_rt_stats_get(i, &stats, sizeof(stats));
		dispatches += stats.dispatches;
	}
	return ok && dispatches >= TASKS - 1;
}

static void all_policies(void)
{
	uint32_t cores;
	size_t i;

	for (i = 0; i < RT_NAMES; i++)
		for (cores = 1; cores <= 2; cores++) {
			rt_up(rt_names[i], cores);
			ktap_check(each_once(cores), "%s on %u, each task runs once", rt_names[i],
				   cores);
			rt_down();
		}
}

static void *nothing(void *arg)
{
	return arg;
}

static void refused_options(void)
{
	struct dune_rt_options options = rt_options("cfcfs", 1);
	const char *why = NULL;
	bool ok;

	options.why = &why;
	options.size--;
	ok = dune_rt_start(&options) == -EINVAL;
	options.size++;
	options.flags = 1u << 31;
	ok &= dune_rt_start(&options) == -EINVAL && why;
	options.flags = 0;
	options.policy = "lottery";
	ok &= dune_rt_start(&options) == -ENOENT;
	options.policy = "rr"; /* without a quantum */
	why = NULL;
	ok &= dune_rt_start(&options) == -EINVAL && why && strstr(why, "quantum");
	options.quantum = 1; /* its end would come before the task's next instruction, for ever */
	why = NULL;
	ok &= dune_rt_start(&options) == -EINVAL && why && strstr(why, "longer");
	options.policy = "cfcfs";
	options.quantum = MS;
	ok &= dune_rt_start(&options) == -EINVAL;
	options.quantum = 0;
	options.vector = 14;
	ok &= dune_rt_start(&options) == -EINVAL;
	options.vector = 0;
	options.stack = 4096;
	ok &= dune_rt_start(&options) == -EINVAL;
	options.stack = 0;
	options.cpus = "0-";
	ok &= dune_rt_start(&options) == -EINVAL;
	options.cpus = "0+1";
	ok &= dune_rt_start(&options) == -EINVAL;
	options.cpus = "1000"; /* there is none */
	options.cores = 0;
	ok &= dune_rt_start(&options) < 0;
	ktap_check(ok, "options that make no sense");
	setenv("DUNE_RT", "cpus=0,policy=rr", 1);
	ok = dune_rt_start(NULL) == -EINVAL;
	setenv("DUNE_RT", "cpus=0,policy=rr,quantum=100000", 1);
	ok &= !dune_rt_start(NULL) && !dune_rt_stop();
	unsetenv("DUNE_RT");
	ktap_check(ok, "the environment is asked without options");
}

static void *inside(void *arg)
{
	struct dune_rt_options options = rt_options("cfcfs", 1);
	void *result;
	bool ok = dune_rt_self() && dune_rt_core() == 0 && dune_in_guest();

	ok &= dune_rt_start(&options) == -EPERM && dune_rt_stop() == -EDEADLK &&
	      dune_rt_wait() == -EDEADLK && dune_rt_join(dune_rt_self(), &result) == -EDEADLK;
	ok &= !dune_rt_hold() && dune_rt_yield() == -EDEADLK && !dune_rt_hold() &&
	      !dune_rt_release() && dune_rt_sleep_until(dune_rt_now() + MS) == -EDEADLK &&
	      dune_rt_exit(NULL) == -EDEADLK && !dune_rt_release() && dune_rt_release() == -EPERM;
	return ok ? arg : NULL;
}

static void *leaves(void *arg)
{
	dune_rt_exit(arg);
	return NULL;
}

static volatile bool hang;

static void *hangs(void *arg)
{
	while (hang)
		dune_rt_yield();
	return arg;
}

static void refused_calls(void)
{
	struct dune_rt_attr attr = rt_attr();
	struct dune_rt_stats stats;
	dune_rt_task task;
	void *result = NULL;
	bool ok;

	ktap_check(dune_rt_spawn(NULL, nothing, NULL, NULL) == -ESRCH && !dune_rt_self() &&
			   dune_rt_core() == -EPERM && dune_rt_yield() == -EPERM &&
			   dune_rt_stop() == -ESRCH && dune_rt_wait() == -ESRCH &&
			   dune_rt_hold() == -EPERM && dune_rt_now(),
		   "without a runtime");
	rt_up("cfcfs", 1);
	ktap_check(dune_rt_start(NULL) == -EALREADY, "it is there once");
	ok = dune_rt_spawn(NULL, NULL, NULL, NULL) == -EINVAL;
	attr.task_class = 8;
	ok &= dune_rt_spawn(NULL, nothing, NULL, &attr) == -EINVAL;
	attr.task_class = 0;
	attr.priority = 64;
	ok &= dune_rt_spawn(NULL, nothing, NULL, &attr) == -EINVAL;
	attr.priority = 0;
	attr.cost = 1; /* cfcfs admits nobody */
	ok &= dune_rt_spawn(NULL, nothing, NULL, &attr) == -EINVAL;
	attr.cost = 0;
	attr.size--;
	ok &= dune_rt_spawn(NULL, nothing, NULL, &attr) == -EINVAL;
	ktap_check(ok, "attributes that make no sense");
	ktap_check(!dune_rt_join(rt_spawn(inside, &ok, NULL), &result) && result == &ok,
		   "what a task must not do");
	hang = true;
	task = rt_spawn(hangs, &ok, NULL);
	ktap_check(dune_rt_stop() == -EBUSY && dune_rt_join(0, NULL) == -ESRCH &&
			   dune_rt_join(~0ull, NULL) == -ESRCH &&
			   dune_rt_stats_get(1, &stats, sizeof(stats)) == -EINVAL,
		   "stopping with a task, joining nobody");
	ok = !dune_rt_detach(task) && dune_rt_detach(task) == -EINVAL &&
	     dune_rt_join(task, NULL) == -EINVAL;
	hang = false;
	dune_rt_wait();
	ktap_check(ok && dune_rt_join(task, NULL) == -ESRCH, "nobody joins who is detached");
	ktap_check(!dune_rt_join(rt_spawn(leaves, &attr, NULL), &result) && result == &attr,
		   "a task leaves in the middle");
	rt_down();
}

/* Sleepers end in the order of their times, none early. */
static uint64_t woke[8];
static uint32_t order[8], woken, early, late;

static void *sleeper(void *arg)
{
	const uintptr_t nr = (uintptr_t)arg;

	late += dune_rt_now() >= woke[nr];
	if (dune_rt_sleep_until(woke[nr]) || dune_rt_now() < woke[nr])
		early++;
	order[__atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST)] = (uint32_t)nr;
	return NULL;
}

static const uint32_t at[8] = { 5, 2, 7, 1, 8, 3, 6, 4 };

/* On one core none of them begins before the times are set. */
static void *makes_sleepers(void *arg)
{
	uint64_t now;
	uint32_t i;

	for (i = 0; i < 8; i++)
		rt_spawn(sleeper, (void *)(uintptr_t)i, NULL);
	now = dune_rt_now();
	for (i = 0; i < 8; i++)
		woke[i] = now + at[i] * MS;
	return arg;
}

static void sleeping(void)
{
	int round = 0;
	uint32_t i;
	bool ok = true;

	rt_up("cfcfs", 1);
	do { /* again, if Linux let some of them begin too late */
		woken = late = 0;
		rt_spawn(makes_sleepers, NULL, NULL);
		dune_rt_wait();
	} while (late && round++ < 100);
	rt_down();
	for (i = 0; i < 8; i++)
		ok &= at[order[i]] == i + 1;
	ktap_check(ok && !early, "who sleeps wakes in order, and not early");
}

/* What others see of it, in the page that the environment names. */
static void shared(void)
{
	const int fd = memfd_create("shared", 0);
	struct rt_shared *page;
	struct rt_core_counters *counters;
	char text[100];
	uint64_t idle;
	bool ok;
	int i;

	if (fd < 0 || ftruncate(fd, sizeof(*page)))
		ktap_bail("memfd_create");
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	snprintf(text, sizeof(text), "cpus=0,shared_fd=%d", fd);
	setenv("DUNE_RT", text, 1);
	ok = dune_rt_start(NULL) == -EINVAL;
	page->magic = RT_SHARED_MAGIC;
	page->version = RT_SHARED_VERSION;
	page->size = sizeof(*page);
	page->cores = 2;
	page->cpu[0] = 1;
	page->cpu[1] = 0;
	counters = &page->counters[1];
	ok &= !dune_rt_start(NULL) && counters->running && !page->counters[0].running;
	unsetenv("DUNE_RT");
	for (i = 0; i < 5; i++)
		dune_rt_join(rt_spawn(nothing, NULL, NULL), NULL);
	idle = counters->idle_ns;
	usleep(20000);
	ok &= counters->dispatches == 5 && counters->idle_ns > idle;
	rt_down();
	ktap_check(ok && !counters->running, "others see what it does");
	munmap(page, sizeof(*page));
	close(fd);
}

/* What admission grants lasts as long as the task. */
static void admission(void)
{
	struct dune_rt_attr attr = rt_attr();
	const char *why = NULL;
	dune_rt_task task;
	bool ok;

	rt_up("edf", 1);
	attr.cost = 6 * MS;
	attr.within = attr.period = 10 * MS;
	attr.why = &why;
	hang = true;
	task = rt_spawn(hangs, NULL, &attr);
	ok = dune_rt_spawn(NULL, nothing, NULL, &attr) == -EDQUOT && why;
	attr.cost = 4 * MS;
	ok &= !dune_rt_spawn(NULL, nothing, NULL, &attr);
	hang = false;
	ok &= !dune_rt_join(task, NULL);
	dune_rt_wait();
	attr.cost = 10 * MS;
	ok &= !dune_rt_spawn(NULL, nothing, NULL, &attr);
	attr.period = 0;
	ok &= dune_rt_spawn(NULL, nothing, NULL, &attr) == -EINVAL;
	ktap_check(ok, "admission refuses what cannot be kept");
	rt_down();
}

/* As many as there can be; places and stacks are used again. */
static void many(void)
{
	struct dune_rt_options options = rt_options("cfcfs", 2);
	dune_rt_task task[16], more;
	bool ok = true;
	int i, round;

	options.tasks = 16;
	if (dune_rt_start(&options))
		ktap_bail("dune_rt_start");
	for (round = 0; round < 50; round++) {
		for (i = 0; i < 16; i++)
			task[i] = rt_spawn(nothing, &task[i], NULL);
		ok &= dune_rt_spawn(&more, nothing, NULL, NULL) == -EAGAIN;
		for (i = 0; i < 16; i++) {
			void *result = NULL;

			ok &= !dune_rt_join(task[i], &result) && result == &task[i];
		}
	}
	ktap_check(ok, "tasks up to the limit, and again");
	rt_down();
}

int main(void)
{
	ktap_plan(1 + 2 + 7 + 2 * (int)RT_NAMES + 1 + 1 + 1 + 1 + 1);
	ktap_check(dune_rt_start(NULL) == -EPERM, "before dune_init: EPERM");
	if (dune_init(NULL))
		ktap_bail("dune_init");
	refused_options();
	refused_calls();
	all_policies();
	sleeping();
	many();
	admission();
	shared();
	must_enter();
	rt_up("steal", 2);
	ktap_check(each_once(2), "started in Dune mode");
	rt_down();
	dune_leave();
	return ktap_exit_status();
}
