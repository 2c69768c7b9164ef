// SPDX-License-Identifier: MIT
/* What a request costs beside its service, measured before the requests by others like them. */
#include "spin/spin.h"

#include <errno.h>
#include <stdlib.h>

#define SINGLES 64u		/* alone, each on idle cores */
#define GAP_NS 100000u		/* before each: the core is idle again, whatever it does then */
#define SIZE_NS 2000u		/* of a request that is not to be interrupted, at most */
#define BATCH 1024u		/* that wait for a core at once: below its capacity few do */
#define BACKLOG 4096u		/* above it they may */
#define GATE_NS 50000000u	/* a core that has taken no gate until then takes none */
#define SLICES 50u		/* quanta of each request that is to be interrupted */
#define ARRIVALS 200u		/* more urgent ones, where those interrupt */

static struct {
	const struct server *server;
	uint32_t in, open;
	uint64_t last;
} gate;

/* Keeps its core until all that are to wait for it are there. */
static void gate_wait(struct request *request)
{
	(void)request;
	gate.server->hold();
	__atomic_fetch_add(&gate.in, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&gate.open, __ATOMIC_ACQUIRE))
		__builtin_ia32_pause();
	gate.server->release();
}

static struct request *make(uint32_t n, uint64_t size, uint16_t priority, uint32_t cores)
{
	struct request *requests = calloc(n, sizeof(*requests));
	uint32_t i;

	if (!requests)
		spin_fail("out of memory", ENOMEM);
	for (i = 0; i < n; i++) {
		struct rt_task *task = &requests[i].job.task;

		requests[i].job.size = size;
		task->size = size;
		task->priority = priority;
		/* Never missed by these, and in the same order under every policy. */
		task->deadline = RT_FOREVER;
		/* The middle of each core's share of flows in turn. */
		task->flow = (uint32_t)(((2ull * (i % cores) + 1) << 31) / cores);
	}
	return requests;
}

static void gates_submit(const struct server *server, struct request *gates, uint32_t n)
{
	const uint64_t begin = server->now();
	uint32_t i;

	gate.server = server;
	gate.in = gate.open = 0;
	for (i = 0; i < n; i++) {
		gates[i].run = gate_wait;
		server->submit(&gates[i]);
	}
	while (__atomic_load_n(&gate.in, __ATOMIC_ACQUIRE) < n && server->now() - begin < GATE_NS)
		;
}

static uint64_t last_end(const struct request *requests, uint32_t n)
{
	uint64_t last = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		last = requests[i].ended > last ? requests[i].ended : last;
	return last;
}

/* Of requests that all wait when the first may begin: ns of a core's time beyond service, each. */
static double batch(const struct server *server, struct request *requests, uint32_t n,
		    uint32_t cores, double *submit)
{
	struct request *gates = make(cores, 1, 0, cores);
	uint64_t begin, size = requests[0].job.size;
	double beyond;
	uint32_t i;

	gates_submit(server, gates, cores);
	begin = server->now();
	for (i = 0; i < n; i++)
		server->submit(&requests[i]);
	*submit = (double)(server->now() - begin) / n;
	begin = server->now();
	__atomic_store_n(&gate.open, 1, __ATOMIC_RELEASE);
	server->drain();
	beyond = (double)(last_end(requests, n) - begin) * cores - (double)n * (double)size;
	free(gates);
	return beyond;
}

/* A difference of two measured figures, of which neither is exact. */
static double positive(double value)
{
	return value > 0.0 ? value : 0.0;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * Median of what a request takes that comes alone, beyond service. before: service of one that
 * comes with it and goes first, whose quantum's timer is still to ring; 0: none.
 */
static double alone(const struct server *server, uint64_t size, uint64_t quantum, uint64_t before)
{
	struct request *others = make(SINGLES, before, 1, 1);
	struct request *requests = make(SINGLES, size, 1, 1);
	double beyond[SINGLES], median;
	uint32_t i;

	for (i = 0; i < SINGLES; i++) {
		const uint64_t due = server->now() + GAP_NS + 2 * quantum;
		uint64_t now;

		do
			now = server->now();
		while (now < due);
		if (before)
			server->submit(&others[i]);
		server->submit(&requests[i]);
		server->drain();
		beyond[i] = (double)(requests[i].ended - now) - (double)(size + before);
	}
	qsort(beyond, SINGLES, sizeof(beyond[0]), compare);
	median = beyond[SINGLES / 2];
	free(requests);
	free(others);
	return median;
}

/* The same of one that comes just after another, whose timer is still to ring: none is set. */
static double soon(const struct server *server, uint64_t size, uint64_t quantum)
{
	struct request *others = make(SINGLES, size, 1, 1), *requests = make(SINGLES, size, 1, 1);
	double beyond[SINGLES], median;
	uint32_t i;

	for (i = 0; i < SINGLES; i++) {
		uint64_t due = server->now() + GAP_NS + 2 * quantum, now;

		while (server->now() < due)
			;
		server->submit(&others[i]);
		server->drain();
		due = server->now() + size;
		do
			now = server->now();
		while (now < due);
		server->submit(&requests[i]);
		server->drain();
		beyond[i] = (double)(requests[i].ended - now) - (double)size;
	}
	qsort(beyond, SINGLES, sizeof(beyond[0]), compare);
	median = beyond[SINGLES / 2];
	free(requests);
	free(others);
	return median;
}

/* By the quantum: long requests, more than there are cores. */
static void quanta(const struct options *options, const struct server *server, struct costs *costs)
{
	const uint32_t cores = options->spec.params.cores, n = 4 * cores;
	const uint64_t quantum = options->spec.params.quantum, size = SLICES * quantum;
	const uint64_t small = quantum / 4 < SIZE_NS ? quantum / 4 : SIZE_NS;
	struct request *requests = make(n, size, 1, cores);
	const uint64_t before = server->counts().preemptions;
	double submit, preemptions, beyond = batch(server, requests, n, cores, &submit);

	preemptions = (double)(server->counts().preemptions - before);
	free(requests);
	if (preemptions < 1.0)
		return;
	/* Each ends within a slice, in the middle of it on average. */
	costs->served = (double)n * (double)size / (preemptions + 0.5 * n);
	costs->preempt = positive((beyond - n * costs->dispatch) / preemptions - costs->dispatch);
	costs->arm = positive(costs->submit + costs->dispatch + costs->wake -
			      soon(server, small, quantum));
	costs->wake -= costs->arm;
	costs->lapse = positive(alone(server, 2 * quantum, quantum, 0) -
				alone(server, quantum / 2, quantum, 0));
	/* It rings within the longer, after the shorter. */
	costs->stale = positive(alone(server, quantum * 4 / 5, quantum, quantum / 2) -
				alone(server, quantum * 3 / 10, quantum, quantum / 2));
	costs->has_quantum = true;
}

/*
 * By arrivals: one long request a core, and others one at a time that are more urgent, or find
 * that its quantum is over.
 */
static void arrivals(const struct options *options, const struct server *server,
		     struct costs *costs)
{
	const uint32_t cores = options->spec.params.cores;
	struct request *urgent = make(ARRIVALS, SIZE_NS, 1, cores), *longs;
	const uint64_t gap = 50000 + 2 * options->spec.params.quantum, size = 2 * ARRIVALS * gap;
	const uint64_t counted = server->counts().preemptions;
	double beyond = 0.0, submitting = 0.0, response[ARRIVALS], preemptions, lost, before;
	uint32_t i;

	longs = make(cores, size, 2, cores);
	for (i = 0; i < cores; i++)
		server->submit(&longs[i]);
	for (i = 0; i < ARRIVALS; i++) {
		const uint64_t due = server->now() + gap;
		uint64_t begin;

		while (server->now() < due)
			;
		urgent[i].job.task.deadline = due + 1;
		begin = server->now();
		server->submit(&urgent[i]);
		submitting += (double)(server->now() - begin);
		while (!__atomic_load_n(&urgent[i].ended, __ATOMIC_ACQUIRE))
			;
		response[i] = (double)(urgent[i].began - begin);
	}
	qsort(response, ARRIVALS, sizeof(response[0]), compare);
	server->drain();
	for (i = 0; i < cores; i++)
		beyond += (double)(longs[i].ended - longs[i].began) - (double)size;
	preemptions = (double)(server->counts().preemptions - counted);
	free(longs);
	free(urgent);
	if (preemptions < 1.0)
		return;
	/*
	 * Between two of them a quantum of the long one ends. The timer had to be set for the short
	 * one, and rings when that quantum is over, too.
	 */
	lost = positive((beyond - (double)ARRIVALS * SIZE_NS) / preemptions - costs->lapse -
			costs->arm - 2.0 * costs->dispatch);
	before = positive(response[ARRIVALS / 2] - costs->submit - costs->arm - costs->dispatch);
	costs->interrupt = lost < before ? lost : before;
	costs->resume = lost - costs->interrupt;
	costs->reach = before - costs->interrupt;
	costs->kick = positive(submitting / ARRIVALS - costs->submit);
	costs->has_interrupt = true;
}

void costs_measure(const struct options *options, const struct server *server,
		   struct costs *costs)
{
	const struct rt_policy *policy = options->spec.policy;
	const uint32_t cores = options->spec.params.cores;
	const uint32_t n = options->load < 1.0 ? BATCH : BACKLOG;
	const uint64_t quantum = options->spec.params.quantum;
	const uint64_t size = quantum && quantum / 4 < SIZE_NS ? quantum / 4 : SIZE_NS;
	struct request *requests = make(n, size, 1, cores);
	double submit;

	*costs = (struct costs){ 0 };
	/* Twice: the first one finds everything cold. */
	batch(server, requests, n, cores, &submit);
	costs->dispatch = positive(batch(server, requests, n, cores, &costs->submit) / n);
	free(requests);
	/* It may be quicker than dispatch, part of which is the end of the one before. */
	costs->wake = positive(alone(server, size, quantum, 0) - costs->submit) - costs->dispatch;
	if (!server->has_counts)
		return;
	if (policy->flags & RT_TAKES_QUANTUM)
		quanta(options, server, costs);
	if (policy->flags & RT_TAKES_QUANTUM || policy->preempts)
		arrivals(options, server, costs);
}
