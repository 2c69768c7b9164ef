// SPDX-License-Identifier: MIT
/* Serving by threads of Linux: a pool on the servers' CPUs, and one queue. */
#include "spin/spin.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define STACK 65536u
#define PRIORITY 80		/* below that of whoever makes requests */
#define RING 65536u		/* a queue that long is no measurement */

static struct request *ring[RING];
static uint64_t head, tail;	/* of the ring: submitted, taken */
static sem_t ready;
static uint64_t done;
static bool stopping;
static const struct options *how;
static pthread_t *pool;
static uint32_t threads;

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void *serve(void *arg)
{
	const uint32_t number = (uint32_t)(uintptr_t)arg;
	uint64_t place;

	cpu_bind(how->cpu + 1 + number % how->spec.params.cores,
		 how->server == SERVER_FIFO ? PRIORITY : 0);
	for (;;) {
		while (sem_wait(&ready))
			;
		if (__atomic_load_n(&stopping, __ATOMIC_ACQUIRE))
			return NULL;
		place = __atomic_fetch_add(&tail, 1, __ATOMIC_RELAXED);
		request_serve(&server_threads, ring[place % RING]);
		__atomic_fetch_add(&done, 1, __ATOMIC_RELEASE);
	}
}

static void start(const struct options *options)
{
	pthread_attr_t attr;
	cpu_set_t set;
	uint32_t i;

	how = options;
	threads = options->threads ? options->threads : options->spec.params.cores;
	pool = calloc(threads, sizeof(*pool));
	if (!pool || sem_init(&ready, 0, 0) || pthread_attr_init(&attr) ||
	    pthread_attr_setstacksize(&attr, STACK))
		spin_fail("out of memory", ENOMEM);
	/* Not the priority of whoever makes requests: they choose their own. */
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	for (i = 0; i < threads; i++) {
		/* From the beginning: this CPU is never without whoever makes requests. */
		CPU_ZERO(&set);
		CPU_SET(options->cpu + 1 + i % options->spec.params.cores, &set);
		if (pthread_attr_setaffinity_np(&attr, sizeof(set), &set) ||
		    pthread_create(&pool[i], &attr, serve, (void *)(uintptr_t)i))
			spin_fail("no thread on the CPUs after --cpu: are there as many?", EAGAIN);
	}
}

/* Who submits waits for nobody but the kernel, if it has to wake a thread. */
static void submit(struct request *request)
{
	if (head - __atomic_load_n(&done, __ATOMIC_ACQUIRE) >= RING)
		spin_fail("a request finds no room: lower --load or --requests", 0);
	ring[head % RING] = request;
	head++;
	if (sem_post(&ready))
		spin_fail("sem_post", errno);
}

static void drain(void)
{
	while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) < head)
		;
}

static struct server_counts counts(void)
{
	struct server_counts all = { 0 };
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage))
		return all;
	all.dispatches = (uint64_t)(usage.ru_nvcsw + usage.ru_nivcsw);
	all.preemptions = (uint64_t)usage.ru_nivcsw;
	return all;
}

/* Nobody preempts another under SCHED_FIFO; of SCHED_OTHER there is no way to ask for it. */
static void nothing(void)
{
}

static void stop(void)
{
	uint32_t i;

	__atomic_store_n(&stopping, true, __ATOMIC_RELEASE);
	for (i = 0; i < threads; i++)
		sem_post(&ready);
	for (i = 0; i < threads; i++)
		pthread_join(pool[i], NULL);
}

const struct server server_threads = {
	.name = "threads",
	.start = start,
	.now = now,
	.submit = submit,
	.drain = drain,
	.counts = counts,
	.hold = nothing,
	.release = nothing,
	.stop = stop,
};
