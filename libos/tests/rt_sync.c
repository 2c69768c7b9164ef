// SPDX-License-Identifier: MIT
/* What tasks wait for: mutexes, inheritance, conditions, semaphores, channels; bad uses. */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "lib/dune_mode.h"
#include "lib/rt_up.h"

static struct dune_rt_mutex mutex;
static struct dune_rt_cond cond, none;
static struct dune_rt_sem sem;

/* Random tasks on one mutex, a semaphore and a condition; what they count has to come out. */
#define TASKS 12
#define ROUNDS 40

static volatile uint64_t counted, inside, wrong, turn;

static void *contend(void *arg)
{
	uintptr_t i, nr = (uintptr_t)arg;

	for (i = 0; i < ROUNDS; i++) {
		wrong += dune_rt_mutex_lock(&mutex) != 0;
		wrong += inside++ != 0;
		counted++;
		if ((i + nr) % 3 == 0)
			dune_rt_yield();
		if ((i + nr) % 7 == 0)
			dune_rt_sleep_until(dune_rt_now() + MS / 50);
		wrong += --inside != 0;
		wrong += dune_rt_mutex_unlock(&mutex) != 0;
		if (i % 2)
			dune_rt_yield();
	}
	/* One after the other, by number. */
	wrong += dune_rt_mutex_lock(&mutex) != 0;
	while (turn != nr)
		wrong += dune_rt_cond_wait(&cond, &mutex, 0) != 0;
	turn++;
	wrong += dune_rt_cond_broadcast(&cond) != 0 || dune_rt_mutex_unlock(&mutex) != 0;
	wrong += dune_rt_cond_signal(&none) != 0;
	wrong += dune_rt_sem_post(&sem) != 0;
	return NULL;
}

static void *collect(void *arg)
{
	int i;

	for (i = 0; i < TASKS; i++)
		wrong += dune_rt_sem_wait(&sem, 0) != 0;
	wrong += dune_rt_sem_trywait(&sem) != -EAGAIN;
	return arg;
}

static void stress(const char *policy, uint32_t cores)
{
	struct dune_rt_attr attr = rt_attr();
	uintptr_t i;

	counted = inside = wrong = turn = 0;
	dune_rt_mutex_init(&mutex, 0);
	dune_rt_sem_init(&sem, 0);
	rt_up(policy, cores);
	rt_spawn(collect, NULL, NULL);
	for (i = 0; i < TASKS; i++) {
		attr.priority = (uint16_t)(i * 5);
		attr.deadline = dune_rt_now() + i * MS;
		attr.size_hint = i * MS;
		attr.task_class = i % 2;
		rt_spawn(contend, (void *)i, &attr);
	}
	rt_down();
	ktap_check(!wrong && counted == TASKS * ROUNDS && turn == TASKS,
		   "%s on %u, one at a time, in turn, all counted", policy, cores);
}

/* Channels: what goes in comes out, once, each sender's in order. */
#define WORDS 400u
#define SENDERS 3u

static struct dune_rt_channel channel;
static struct dune_rt_slot slots[8];
static uint64_t sums[4], received;

static void *sends(void *arg)
{
	uint64_t i;

	for (i = 1; i <= WORDS; i++)
		wrong += dune_rt_channel_send(&channel, (uintptr_t)arg << 32 | i) != 0;
	if (__atomic_add_fetch(&counted, 1, __ATOMIC_SEQ_CST) == SENDERS)
		wrong += dune_rt_channel_close(&channel) != 0;
	return NULL;
}

static void *receives(void *arg)
{
	uint64_t value, last[SENDERS] = { 0 }, sum = 0;
	int error;

	while (!(error = dune_rt_channel_recv(&channel, &value))) {
		wrong += (uint32_t)value <= last[value >> 32];
		last[value >> 32] = (uint32_t)value;
		sum += (uint32_t)value;
		__atomic_fetch_add(&received, 1, __ATOMIC_RELAXED);
	}
	wrong += error != -EPIPE;
	__atomic_fetch_add(&sums[(uintptr_t)arg], sum, __ATOMIC_RELAXED);
	return NULL;
}

static void channels(const char *policy, uint32_t cores, uint32_t receivers)
{
	struct dune_rt_attr attr = rt_attr();
	uint64_t sum = 0;
	uintptr_t i;

	counted = wrong = received = 0;
	memset(sums, 0, sizeof(sums));
	if (dune_rt_channel_init(&channel, slots, 8))
		ktap_bail("dune_rt_channel_init");
	rt_up(policy, cores);
	for (i = 0; i < SENDERS; i++) {
		attr.flow = (uint32_t)i << 30 | 1;
		rt_spawn(sends, (void *)i, &attr);
	}
	for (i = 0; i < receivers; i++)
		rt_spawn(receives, (void *)i, NULL);
	rt_down();
	for (i = 0; i < 4; i++)
		sum += sums[i];
	ktap_check(!wrong && received == SENDERS * WORDS &&
			   sum == (uint64_t)SENDERS * WORDS * (WORDS + 1) / 2,
		   "%s on %u, %u senders to %u receivers", policy, cores, SENDERS, receivers);
}

/* Bad uses. */
static void *bad(void *arg)
{
	struct dune_rt_mutex one = { { 0 } };
	uint64_t value;
	bool ok = dune_rt_mutex_unlock(&one) == -EPERM && !dune_rt_mutex_lock(&one) &&
		  dune_rt_mutex_lock(&one) == -EDEADLK && dune_rt_mutex_trylock(&one) == -EBUSY &&
		  !dune_rt_hold() && dune_rt_mutex_lock(&one) == -EDEADLK &&
		  dune_rt_sem_wait(&sem, 0) == -EDEADLK && !dune_rt_release() &&
		  !dune_rt_mutex_unlock(&one) && dune_rt_mutex_init(&one, 2) == -EINVAL &&
		  dune_rt_cond_wait(&none, &one, 0) == -EPERM;

	ok &= !dune_rt_mutex_lock(&one) &&
	      dune_rt_cond_wait(&none, &one, dune_rt_now() + MS) == -ETIMEDOUT &&
	      !dune_rt_mutex_unlock(&one);
	ok &= dune_rt_sem_init(&sem, DUNE_RT_SEM_MAX + 1) == -EINVAL &&
	      !dune_rt_sem_init(&sem, DUNE_RT_SEM_MAX) && dune_rt_sem_post(&sem) == -EOVERFLOW &&
	      !dune_rt_sem_init(&sem, 0) &&
	      dune_rt_sem_wait(&sem, dune_rt_now() + MS) == -ETIMEDOUT &&
	      dune_rt_sem_wait(&sem, 1) == -ETIMEDOUT;
	ok &= dune_rt_channel_init(&channel, slots, 7) == -EINVAL &&
	      dune_rt_channel_init(&channel, slots, 1) == -EINVAL &&
	      dune_rt_channel_init(&channel, NULL, 8) == -EINVAL &&
	      !dune_rt_channel_init(&channel, slots, 2) &&
	      dune_rt_channel_tryrecv(&channel, &value) == -EAGAIN &&
	      !dune_rt_channel_trysend(&channel, 1) && !dune_rt_channel_trysend(&channel, 2) &&
	      dune_rt_channel_trysend(&channel, 3) == -EAGAIN &&
	      !dune_rt_channel_close(&channel) && dune_rt_channel_close(&channel) == -EPIPE &&
	      dune_rt_channel_send(&channel, 4) == -EPIPE &&
	      !dune_rt_channel_recv(&channel, &value) && value == 1 &&
	      !dune_rt_channel_tryrecv(&channel, &value) && value == 2 &&
	      dune_rt_channel_recv(&channel, &value) == -EPIPE;
	return ok ? arg : NULL;
}

/* Two mutexes, two tasks, and each wants the other's. */
static struct dune_rt_mutex pair[2];

static void *crosses(void *arg)
{
	struct dune_rt_mutex *mine = arg, *other = mine == pair ? pair + 1 : pair;
	int error;

	dune_rt_mutex_lock(mine);
	for (counted++; counted < 2;)
		dune_rt_yield();
	error = dune_rt_mutex_lock(other);
	if (!error)
		dune_rt_mutex_unlock(other);
	dune_rt_mutex_unlock(mine);
	return error == -EDEADLK ? mine : NULL;
}

static void *ends_with_it(void *arg)
{
	dune_rt_mutex_lock(&mutex);
	dune_rt_yield();
	return arg;
}

static void *finds_it(void *arg)
{
	int first = dune_rt_mutex_lock(&mutex), second;

	dune_rt_mutex_unlock(&mutex);
	second = dune_rt_mutex_lock(&mutex);
	dune_rt_mutex_unlock(&mutex);
	return first == -EOWNERDEAD && !second ? arg : NULL;
}

static void ends(void)
{
	dune_rt_task a, b;
	void *one = NULL, *two = NULL;

	rt_up("cfcfs", 1);
	dune_rt_join(rt_spawn(bad, &sem, NULL), &one);
	ktap_check(one == &sem, "what is refused, and what times out");
	counted = 0;
	a = rt_spawn(crosses, &pair[0], NULL);
	b = rt_spawn(crosses, &pair[1], NULL);
	dune_rt_join(a, &one);
	dune_rt_join(b, &two);
	ktap_check(!one != !two, "the second of two that would wait for each other is refused");
	dune_rt_mutex_init(&mutex, 0);
	a = rt_spawn(ends_with_it, &a, NULL);
	b = rt_spawn(finds_it, &b, NULL);
	dune_rt_join(a, &one);
	dune_rt_join(b, &two);
	ktap_check(two == &b, "a mutex whose holder ended goes on, and says so once");
	dune_rt_join(rt_spawn(ends_with_it, &a, NULL), &one);
	dune_rt_join(rt_spawn(finds_it, &b, NULL), &two);
	ktap_check(two == &b, "also if nobody waited then");
	ktap_check(dune_rt_mutex_lock(&mutex) == -EPERM && dune_rt_sem_wait(&sem, 0) == -EPERM &&
			   dune_rt_mutex_trylock(&mutex) == -EPERM &&
			   dune_rt_cond_wait(&cond, &mutex, 0) == -EPERM &&
			   dune_rt_deadline_set(1) == -EPERM &&
			   dune_rt_channel_send(&channel, 1) == -EPERM,
		   "from outside nothing waits");
	dune_rt_sem_init(&sem, 0);
	a = rt_spawn(collect, &sem, NULL);
	for (wrong = 0; wrong < TASKS; wrong++)
		dune_rt_sem_post(&sem);
	wrong = 0;
	dune_rt_join(a, &one);
	ktap_check(!wrong && one == &sem, "from outside a semaphore is posted");
	rt_down();
}

/*
 * The inversion: low has the mutex, high wants it, and middling ones have work for ever.
 * On one core they end before low goes on, unless low inherits.
 */
#define MIDDLING 20

static volatile uint32_t middling, before_high;

static void *middle(void *arg)
{
	uint32_t i;

	for (i = 0; i < 5; i++)
		dune_rt_yield();
	middling++;
	return arg;
}

static void *high(void *arg)
{
	dune_rt_mutex_lock(&mutex);
	before_high = middling;
	dune_rt_mutex_unlock(&mutex);
	return arg;
}

static void *low(void *arg)
{
	struct dune_rt_attr attr = rt_attr();
	uint64_t now = dune_rt_now();
	uint32_t i;

	dune_rt_mutex_lock(&mutex);
	dune_rt_hold(); /* all of them arrive at once */
	attr.priority = 1;
	attr.deadline = now + 1000 * MS;
	rt_spawn(high, NULL, &attr);
	attr.priority = 2;
	attr.deadline = now + 2000 * MS;
	for (i = 0; i < MIDDLING; i++)
		rt_spawn(middle, NULL, &attr);
	dune_rt_release();
	for (i = 0; i < 3; i++)
		dune_rt_yield();
	dune_rt_mutex_unlock(&mutex);
	return arg;
}

static uint32_t inversion(const char *policy, uint32_t flags)
{
	struct dune_rt_attr attr = rt_attr();

	middling = before_high = 0;
	dune_rt_mutex_init(&mutex, flags);
	rt_up(policy, 1);
	attr.priority = 3;
	attr.deadline = dune_rt_now() + 3000 * MS;
	rt_spawn(low, NULL, &attr);
	rt_down();
	return before_high;
}

/* A chain: the most urgent waits for one that waits for low. */
static void *link_of(void *arg)
{
	dune_rt_mutex_lock(&pair[0]);
	dune_rt_mutex_lock(&mutex);
	dune_rt_mutex_unlock(&mutex);
	dune_rt_mutex_unlock(&pair[0]);
	return arg;
}

static void *high_of_chain(void *arg)
{
	dune_rt_mutex_lock(&pair[0]);
	before_high = middling;
	dune_rt_mutex_unlock(&pair[0]);
	return arg;
}

static void *low_of_chain(void *arg)
{
	struct dune_rt_attr attr = rt_attr();
	uint32_t i;

	dune_rt_mutex_lock(&mutex);
	attr.priority = 4;
	rt_spawn(link_of, NULL, &attr); /* preempts, takes pair[0], waits for mutex */
	attr.priority = 1;
	rt_spawn(high_of_chain, NULL, &attr);
	attr.priority = 2;
	for (i = 0; i < MIDDLING; i++)
		rt_spawn(middle, NULL, &attr);
	dune_rt_mutex_unlock(&mutex);
	return arg;
}

static void inheritance(void)
{
	struct dune_rt_attr attr = rt_attr();

	ktap_check(!inversion("priority", 0), "priority, nobody in the middle delays the first");
	ktap_check(inversion("priority", DUNE_RT_PLAIN) == MIDDLING,
		   "priority, without inheritance all of them do");
	ktap_check(!inversion("edf", 0), "edf, nobody in the middle delays the first");
	ktap_check(inversion("edf", DUNE_RT_PLAIN) == MIDDLING,
		   "edf, without inheritance all of them do");
	middling = before_high = 0;
	dune_rt_mutex_init(&mutex, 0);
	dune_rt_mutex_init(&pair[0], 0);
	rt_up("priority", 1);
	attr.priority = 5;
	rt_spawn(low_of_chain, NULL, &attr);
	rt_down();
	ktap_check(!before_high, "along a chain of mutexes");
}

int main(void)
{
	uint32_t cores;
	size_t i;

	ktap_plan(2 * (int)RT_NAMES + 5 + 6 + 5);
	if (dune_init(NULL))
		ktap_bail("dune_init");
	for (i = 0; i < RT_NAMES; i++)
		for (cores = 1; cores <= 2; cores++)
			stress(rt_names[i], cores);
	channels("cfcfs", 1, 1);
	channels("cfcfs", 2, 1);
	channels("dfcfs", 2, 2);
	channels("steal", 2, 3);
	channels("priority", 2, 3);
	ends();
	inheritance();
	return ktap_exit_status();
}
