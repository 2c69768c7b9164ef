// SPDX-License-Identifier: MIT
/* What is used again: stacks, without a system call; the runtime, beside calls from outside. */
#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/dune_mode.h"
#include "lib/rt_up.h"

#define TASKS 48
#define SMALL 0x4000
#define CYCLES 8 /* until there are enough of each, wherever they are */

static volatile uint32_t calls;

static enum dune_syscall_action on_call(struct dune_syscall *call, void *arg)
{
	(void)call;
	(void)arg;
	__atomic_fetch_add(&calls, 1, __ATOMIC_SEQ_CST);
	return DUNE_SYSCALL_FORWARD;
}

static void *uses_its_stack(void *arg)
{
	volatile char much[SMALL / 2];

	much[0] = much[sizeof(much) - 1] = 1;
	return much[0] == much[sizeof(much) - 1] ? arg : NULL;
}

/* All at once, of these sizes by turns: false if one did not run. */
static bool a_round(const size_t *sizes, uint32_t n)
{
	struct dune_rt_attr attr = rt_attr();
	dune_rt_task task[TASKS];
	bool ok = true;
	uint32_t i;

	for (i = 0; i < TASKS; i++) {
		attr.stack = sizes[i % n];
		task[i] = rt_spawn(uses_its_stack, &task[i], &attr);
	}
	for (i = 0; i < TASKS; i++) {
		void *result = NULL;

		ok &= !dune_rt_join(task[i], &result) && result == &task[i];
	}
	return ok;
}

static const size_t one_size[] = { 0 }, sizes[] = { 0, SMALL, 2 * SMALL }, turned[] = { SMALL, 0 };

/* In a task, where nothing but what it calls makes system calls. */
static void *counts(void *arg)
{
	uint32_t *counted = arg, i;
	bool ok;

	calls = 0;
	ok = a_round(one_size, 1);
	counted[0] = calls;
	for (i = 0; i < CYCLES; i++)
		ok &= a_round(sizes, 3) && a_round(turned, 2) && a_round(one_size, 1);
	calls = 0;
	ok &= a_round(sizes, 3) && a_round(turned, 2) && a_round(one_size, 1);
	counted[1] = calls;
	return ok ? arg : NULL;
}

static void stacks(void)
{
	static const int made_by[] = { SYS_mmap, SYS_munmap, SYS_mprotect, SYS_madvise };
	uint32_t counted[2] = { ~0u, ~0u }, i;
	void *result = NULL;

	for (i = 0; i < sizeof(made_by) / sizeof(*made_by); i++)
		dune_syscall_hook_set(made_by[i], on_call, NULL);
	rt_up("cfcfs", 1);
	dune_rt_join(rt_spawn(counts, counted, NULL), &result);
	rt_down();
	for (i = 0; i < sizeof(made_by) / sizeof(*made_by); i++)
		dune_syscall_hook_set(made_by[i], NULL, NULL);
	ktap_check(result == counted, "each task had a stack");
	ktap_check(!counted[0], "the first tasks' are there from the start");
	ktap_check(!counted[1], "those of any size are used again");
}

#define CALLERS 3
#define ROUNDS 40

static volatile bool over;
static struct dune_rt_sem sem;
static struct dune_rt_mutex mutex;
static uint64_t refused, done;

/* Whatever may be called from outside, at any time. */
static void *nothing(void *arg)
{
	return arg;
}

static void *calls_always(void *arg)
{
	struct dune_rt_attr refused_attr = rt_attr();
	struct dune_rt_stats stats;
	uint64_t counted[2] = { 0 };

	refused_attr.flags = ~0u;
	while (!over) {
		int error = dune_rt_sem_post(&sem);

		if (!error)
			dune_rt_sem_trywait(&sem);
		counted[error == -ESRCH]++;
		dune_rt_stats_get(0, &stats, sizeof(stats));
		dune_rt_mutex_lock(&mutex);
		dune_rt_detach(1ull << 32 | 1);
		dune_rt_join(2ull << 32 | 1, NULL);
		dune_rt_wait();
		/* Refused, but not before it has been in the table of tasks. */
		dune_rt_spawn(NULL, nothing, NULL, &refused_attr);
	}
	__atomic_fetch_add(&done, counted[0], __ATOMIC_RELAXED);
	__atomic_fetch_add(&refused, counted[1], __ATOMIC_RELAXED);
	return arg;
}

/* One that stops while a call is in it would take its lock, or its memory, away from that. */
static void come_and_go(void)
{
	struct dune_rt_attr attr = rt_attr();
	pthread_t thread[CALLERS];
	int i, busy = 0;

	attr.flags = DUNE_RT_DETACHED;
	for (i = 0; i < CALLERS; i++)
		pthread_create(&thread[i], NULL, calls_always, NULL);
	for (i = 0; i < ROUNDS; i++) {
		rt_up(i % 2 ? "cfcfs" : "priority", 1 + i % 2);
		rt_spawn(nothing, NULL, &attr);
		do
			dune_rt_wait();
		while (dune_rt_stop() == -EBUSY && busy++ < 100000);
	}
	over = true;
	for (i = 0; i < CALLERS; i++)
		pthread_join(thread[i], NULL);
	ktap_check(done && refused && busy < 100000, "runtimes come and go beside calls");
}

int main(void)
{
	ktap_plan(4);
	if (dune_init(NULL))
		ktap_bail("dune_init");
	stacks();
	come_and_go();
	return ktap_exit_status();
}
