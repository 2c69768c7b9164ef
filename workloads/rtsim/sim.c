// SPDX-License-Identifier: MIT
/* The event loop: arrivals in order, and the end of the slice on each core. */
#include "rtsim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "lib/rng.h"

struct core {
	struct rt_task *task;	/* NULL: idle */
	uint64_t begin;		/* of service: costs come before it */
	uint64_t from;		/* its dispatch: before the costs of that */
	uint64_t rings;		/* its timer, whatever it was for: of costs only */
	bool lapsed;		/* its quantum is over, and nobody waited */
	bool over;		/* its quantum is over; lapsed until somebody is told */
	bool told;		/* of an arrival, and has not asked the policy since */
};

struct sim {
	const struct sim_spec *spec;
	const struct rt_policy *policy;
	void *state;
	struct sim_source source;
	struct sim_sink sink;
	struct sim_totals *totals;
	struct rng rng;
	uint64_t until[RT_CORES_MAX];	/* end of the slice, RT_FOREVER: idle */
	uint64_t reached[RT_CORES_MAX];	/* by an interrupt for an arrival; RT_FOREVER: none */
	struct core core[RT_CORES_MAX];
	uint32_t idle;
	struct sim_job *coming;		/* the next arrival */
	uint64_t comes;			/* when cores know of it */
	uint64_t numbers, inside;
	struct sim_job *pool;		/* finished jobs, by next */
};

static struct sim_job *job_of(struct rt_task *task)
{
	return (struct sim_job *)task;
}

static struct sim_job *job_get(struct sim *sim)
{
	struct sim_job *job = sim->pool;

	if (!job)
		return calloc(1, sizeof(*job));
	sim->pool = job->next;
	memset(job, 0, sizeof(*job));
	return job;
}

static void job_put(struct sim *sim, struct sim_job *job)
{
	job->next = sim->pool;
	sim->pool = job;
}

/* What a quantum serves that follows another. */
static uint64_t served(const struct sim_spec *spec)
{
	const uint64_t costs = spec->preempt_ns + spec->dispatch_ns;

	return spec->period_ns > costs ? spec->period_ns - costs : spec->params.quantum;
}

/* True if there is one, or if there is an end of them; false without memory. */
static bool arrival_next(struct sim *sim)
{
	struct sim_job *job = job_get(sim);

	sim->coming = job;
	if (!job)
		return false;
	job->number = sim->numbers;
	if (sim->source.next(sim->source.arg, job)) {
		sim->numbers++;
		sim->comes = (job->arrival > sim->comes ? job->arrival : sim->comes) +
			     sim->spec->submit_ns;
		if (sim->spec->params.quantum)
			sim->totals->ends_of_quanta += (job->size - 1) / served(sim->spec);
	} else {
		job_put(sim, job);
		sim->coming = NULL;
	}
	return true;
}

/*
 * When a slice is over that may last a quantum. A timer that was set for another, which ended
 * before, rings all the same, and only then is set for this one: that comes out of its quantum.
 */
static uint64_t slice_over(const struct sim *sim, struct core *c, uint64_t left, uint64_t quantum)
{
	const uint64_t half = quantum / 2;
	const uint64_t stale = sim->spec->stale_ns < half ? sim->spec->stale_ns : half;
	uint64_t over = c->begin + quantum;

	if (sim->spec->period_ns)
		over = c->begin - c->from < half ? c->from + quantum : c->begin + half;
	if (c->rings <= c->begin) {
		c->begin += sim->spec->arm_ns < half ? sim->spec->arm_ns : half;
		c->rings = over;
	} else if (c->rings > over || (sim->spec->period_ns && over - c->rings < stale)) {
		/* Late, or so early that until it has been looked at the quantum is over. */
		over = c->rings;
	} else if (c->rings < c->begin + left) {
		c->begin += stale;
		c->rings = over;
	}
	return c->begin + left < over ? c->begin + left : over;
}

/* Serve what the core has, from `begin`, to its end or that of a quantum. */
static void slice(struct sim *sim, uint32_t core)
{
	struct core *c = &sim->core[core];
	const uint64_t left = job_of(c->task)->size - c->task->ran;

	sim->until[core] = c->begin + left;
	if (sim->policy->quantum)
		sim->until[core] = slice_over(sim, c, left, sim->policy->quantum(sim->state, core,
										c->task));
}

/* Find work for a core that has none; cost: of what was before. */
static bool dispatch(struct sim *sim, uint32_t core, uint64_t now, uint64_t cost)
{
	struct rt_task *task = sim->policy->pick(sim->state, core, now);
	uint32_t cores = sim->spec->params.cores, i, first;

	sim->core[core].told = false;
	if (!task && sim->policy->steal && cores > 1) {
		first = (uint32_t)rng_below(&sim->rng, cores);
		for (i = 0; i < cores && !task; i++) {
			uint32_t victim = (first + i) % cores;

			if (victim != core)
				task = sim->policy->steal(sim->state, core, victim, now);
		}
		if (task) {
			cost += sim->spec->steal_ns;
			sim->totals->steals++;
		}
	}
	if (!task)
		return false;
	sim->totals->dispatches++;
	sim->core[core].task = task;
	sim->core[core].from = now + cost;
	if (job_of(task)->resumes)
		cost += sim->spec->resume_ns;
	job_of(task)->resumes = false;
	sim->core[core].begin = now + cost + sim->spec->dispatch_ns;
	sim->core[core].lapsed = sim->core[core].over = false;
	slice(sim, core);
	return true;
}

static uint32_t enqueue(struct sim *sim, struct rt_task *task, enum rt_why why, uint64_t now)
{
	uint32_t core = sim->policy->place ? sim->policy->place(sim->state, task) : 0;

	sim->policy->enqueue(sim->state, core, task, why, now);
	return core;
}

/* Take the task off its core, with the service it got counted. */
static struct rt_task *stop(struct sim *sim, uint32_t core, enum rt_why why, uint64_t now)
{
	struct core *c = &sim->core[core];
	struct rt_task *task = c->task;

	if (now > c->begin) {
		task->ran += now - c->begin;
		sim->totals->service_ns += now - c->begin;
	}
	c->task = NULL;
	c->lapsed = false;
	sim->until[core] = RT_FOREVER;
	if (sim->policy->stopped)
		sim->policy->stopped(sim->state, core, task, why, now);
	return task;
}

static void preempt(struct sim *sim, uint32_t core, uint64_t now, uint64_t cost, bool arrival)
{
	struct rt_task *task = stop(sim, core, RT_PREEMPTED, now);

	job_of(task)->resumes = arrival;
	if (!arrival && sim->spec->period_ns)
		sim->core[core].rings = now + sim->spec->period_ns;

	sim->totals->preemptions++;
	job_of(task)->interruptions++;
	enqueue(sim, task, RT_PREEMPTED, now);
	if (!dispatch(sim, core, now, cost))
		sim->idle++;
}

/* Whose task goes on only because nobody was there. */
static uint32_t lapsed_core(const struct sim *sim)
{
	uint32_t i;

	for (i = 0; i < sim->spec->params.cores; i++)
		if (sim->core[i].lapsed)
			return i;
	return RT_NO_CORE;
}

/* An interrupt is on its way to a core, or to all others if that one has yet to go for another. */
static void tell(struct sim *sim, uint32_t core, uint64_t now)
{
	const bool all = sim->core[core].told;
	uint32_t i;

	sim->core[core].lapsed = false;
	if (!sim->spec->reach_ns) {
		preempt(sim, core, now, sim->spec->interrupt_ns, true);
		sim->comes += sim->spec->kick_ns;
		return;
	}
	for (i = 0; i < sim->spec->params.cores; i++) {
		if (sim->core[i].told || (i != core && !all))
			continue;
		sim->core[i].told = true;
		sim->reached[i] = now + sim->spec->reach_ns;
		sim->comes += sim->spec->kick_ns;
	}
}

/* The interrupt is there: it may find another task than the one it was for. */
static void reach(struct sim *sim, uint32_t core, uint64_t now)
{
	struct core *c = &sim->core[core];
	const uint64_t lost = sim->spec->interrupt_ns;
	bool must;

	sim->reached[core] = RT_FOREVER;
	c->told = false;
	if (!c->task)
		return;
	must = (c->over || sim->policy->preempts) &&
	       sim->policy->yields(sim->state, core, c->task, now);
	if (must) {
		preempt(sim, core, now, lost, true);
		return;
	}
	sim->until[core] += lost;
	c->begin += lost;
}

static void arrive(struct sim *sim, uint64_t now)
{
	const uint64_t wake = (uint64_t)sim->spec->wake_ns;
	struct rt_task *task = &sim->coming->task;
	uint32_t home = enqueue(sim, task, RT_NEW, now), i, core;

	if (++sim->inside > sim->totals->most_waiting)
		sim->totals->most_waiting = sim->inside;
	for (i = 0; sim->idle && i < sim->spec->params.cores; i++) {
		core = home + i;
		if (core >= sim->spec->params.cores)
			core -= sim->spec->params.cores;
		if (!sim->core[core].task && dispatch(sim, core, now, wake)) {
			sim->idle--;
			return;
		}
	}
	core = sim->policy->preempts ? sim->policy->preempts(sim->state, task, now) :
				       lapsed_core(sim);
	if (core != RT_NO_CORE)
		tell(sim, core, now);
}

static void slice_ends(struct sim *sim, uint32_t core, uint64_t now)
{
	struct core *c = &sim->core[core];
	struct sim_job *job = job_of(c->task);

	if (job->task.ran + (now - c->begin) < job->size) {
		if (sim->policy->yields(sim->state, core, c->task, now)) {
			preempt(sim, core, now, sim->spec->preempt_ns, false);
			return;
		}
		job->task.ran += now - c->begin;
		sim->totals->service_ns += now - c->begin;
		c->begin = now;
		slice(sim, core);
		/* Without it, a policy whose tasks give way to arrivals has its word. */
		if (!sim->policy->preempts) {
			c->lapsed = c->over = true;
			if (sim->spec->period_ns)
				c->rings = now + sim->spec->period_ns;
			c->begin = now + sim->spec->lapse_ns;
			sim->until[core] = c->begin + job->size - job->task.ran;
		}
		return;
	}
	stop(sim, core, RT_DONE, now);
	sim->inside--;
	sim->totals->jobs++;
	if (sim->sink.done)
		sim->sink.done(sim->sink.arg, job, now);
	job_put(sim, job);
	if (!dispatch(sim, core, now, 0))
		sim->idle++;
}

static const char *loop(struct sim *sim)
{
	uint32_t cores = sim->spec->params.cores, core, told, i;

	if (!arrival_next(sim))
		return "out of memory";
	for (;;) {
		core = told = 0;
		for (i = 1; i < cores; i++) {
			core = sim->until[i] < sim->until[core] ? i : core;
			told = sim->reached[i] < sim->reached[told] ? i : told;
		}
		if (sim->reached[told] < sim->until[core] &&
		    (!sim->coming || sim->reached[told] <= sim->comes)) {
			sim->totals->end = sim->reached[told];
			reach(sim, told, sim->reached[told]);
		} else if (sim->coming && sim->comes < sim->until[core]) {
			sim->totals->end = sim->comes;
			arrive(sim, sim->comes);
			if (!arrival_next(sim))
				return "out of memory";
		} else if (sim->until[core] != RT_FOREVER) {
			sim->totals->end = sim->until[core];
			slice_ends(sim, core, sim->until[core]);
		} else {
			return NULL;
		}
	}
}

const char *sim_run(const struct sim_spec *spec, struct sim_source source, struct sim_sink sink,
		    struct sim_totals *totals)
{
	struct sim sim = { .spec = spec, .policy = spec->policy, .source = source, .sink = sink,
			   .totals = totals, .idle = spec->params.cores };
	size_t bytes = rt_policy_bytes(spec->policy, spec->params.cores);
	const char *wrong = "out of memory";
	struct sim_job *job;

	memset(totals, 0, sizeof(*totals));
	memset(sim.until, 0xff, sizeof(sim.until));
	memset(sim.reached, 0xff, sizeof(sim.reached));
	rng_init(&sim.rng, spec->seed, 77);
	sim.state = aligned_alloc(RT_LINE, (bytes + RT_LINE - 1) / RT_LINE * RT_LINE);
	if (sim.state) {
		memset(sim.state, 0, bytes);
		wrong = rt_policy_start(spec->policy, sim.state, &spec->params);
		if (!wrong)
			wrong = loop(&sim);
	}
	free(sim.state);
	while ((job = sim.pool)) {
		sim.pool = job->next;
		free(job);
	}
	return wrong;
}
