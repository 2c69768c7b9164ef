/* SPDX-License-Identifier: MIT */
/*
 * The contract between a scheduling policy and what runs it: the runtime on
 * reserved cores, or the simulator in virtual time. Both use the same files.
 *
 * A policy only says who is next. It never switches, sends an interrupt, waits
 * or takes a lock; it reads no clock (`now` is handed in, in nanoseconds of
 * whichever clock its runner has, and never goes back on one core); it uses no
 * libc, no floating point, no allocation and no variable outside its state.
 *
 * A task is in exactly one of three places:
 *
 *	elsewhere  not begun, blocked, or done: the policy has no pointer to it
 *	ready      between enqueue() and the pick(), steal() or remove() that
 *	           took it out: its links, key and seq belong to the policy
 *	running    between pick() or steal() and stopped()
 *
 * What a runner does:
 *
 *	a task becomes ready    c = place(task); enqueue(c, task, why); then every idle
 *	                        core may pick(), and if none took a task, c = preempts(task)
 *	                        names a core to interrupt
 *	                        (who does not react at once: if that core has yet to ask after
 *	                        an interrupt for another task, the other cores as well)
 *	a core has nothing      pick(core); if that gives none, steal(core, victim) for
 *	                        other cores in any order; if none, it is idle
 *	a task runs             for quantum() at most, then, or when interrupted for the sake
 *	                        of another: yields() says whether it has to go
 *	a task stops            stopped(core, task, why), with task->ran brought up to date;
 *	                        if it is still ready, place() and enqueue() follow
 *	a task gives way        by itself: the same, with RT_YIELDED, and the core picks; or
 *	                        rotate(core, task), after which nobody is told of anything
 *
 * A lock that a task holds may make it more urgent (priority inheritance): the
 * runner changes priority or deadline of a running task as it stands, of a
 * ready one between remove() and enqueue(RT_PREEMPTED), which keeps its turn.
 *
 * Locks are the runner's. With RT_LOCK_ALL one lock is held during every call.
 * With RT_LOCK_CORE there is one lock per core, and a call has the lock of the
 * queue it touches: that of `core`, for steal() that of `victim` only.
 * place() is called without a lock, init() before anything else. No call may
 * take longer than O(log ready tasks), but init(), admit() and release().
 */
#ifndef RT_POLICY_H
#define RT_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RT_CORES_MAX 64u
#define RT_CLASSES_MAX 8u
#define RT_PRIORITIES 64u
#define RT_NO_CORE UINT32_MAX
#define RT_FOREVER UINT64_MAX
#define RT_LINE 64

/* A task's place in a queue, or the queue's own. */
struct rt_link {
	struct rt_link *next, *prev;
};

/* Zeroed by the runner before first use; a policy never moves or copies one. */
struct rt_task {
	union {
		struct rt_link link;	/* in a queue */
		struct {
			struct rt_task *right, *left;	/* in a heap */
		};
	};
	struct rt_task *parent;
	uint64_t key;		/* order among ready tasks, as the policy wants it; ties: seq */
	uint64_t seq;
	uint32_t rank;

	/* Set by the runner before enqueue(); a policy only reads them. */
	uint32_t flow;		/* any 32 bits: tasks of one flow share a home core */
	uint16_t class;		/* below params.classes; 0 is the shortest by convention */
	uint16_t priority;	/* below RT_PRIORITIES; 0 goes first */
	uint64_t deadline;	/* absolute; RT_FOREVER: none */
	uint64_t size;		/* hint: service it needs in all; 0: unknown */
	uint64_t ran;		/* service it has had, up to the last stopped() */
};

enum rt_why {
	RT_NEW,			/* enqueue: for the first time */
	RT_WOKEN,		/* enqueue: was blocked */
	RT_PREEMPTED,		/* stopped, enqueue: had to go, wants to go on */
	RT_YIELDED,		/* stopped, enqueue: gave way by itself */
	RT_BLOCKED,		/* stopped */
	RT_DONE,		/* stopped */
};

struct rt_params {
	uint32_t cores;		/* 1 to RT_CORES_MAX */
	uint32_t classes;	/* 1 to RT_CLASSES_MAX */
	uint64_t quantum;	/* 0: none */
	uint32_t reserved[RT_CLASSES_MAX];	/* cores of each class */
};

/* What a periodic or sporadic task asks for: cost within deadline, every period. */
struct rt_demand {
	uint64_t cost, deadline, period;
};

enum rt_locking { RT_LOCK_ALL, RT_LOCK_CORE };

enum {
	RT_TAKES_QUANTUM = 1,	/* params.quantum has to be set; otherwise it must not be */
	RT_TAKES_RESERVED = 2,	/* the same of params.reserved */
	RT_USES_SIZE = 4,	/* orders by task->size */
	RT_USES_DEADLINE = 8,
	RT_USES_PRIORITY = 16,
	RT_CONSERVES = 32,	/* no core is idle while a task is ready that it may run */
	RT_STARVES = 64,	/* a ready task may wait for as long as others keep coming */
	RT_TIMELESS = 128,	/* reads neither now nor ran: a runner may hand in anything */
};

struct rt_policy {
	const char *name;
	const char *summary;
	unsigned int flags;
	enum rt_locking locking;
	/* The state is bytes + cores * bytes_per_core, zeroed, aligned to RT_LINE. */
	size_t bytes, bytes_per_core;

	void (*enqueue)(void *state, uint32_t core, struct rt_task *task, enum rt_why why,
			uint64_t now);
	/* Takes out the task that core runs next; NULL: none for it. */
	struct rt_task *(*pick)(void *state, uint32_t core, uint64_t now);
	/* Takes a ready task out before its turn; core is where it was enqueued. */
	void (*remove)(void *state, uint32_t core, struct rt_task *task);

	/* The rest is optional: NULL where a policy has no use for it. */

	/* NULL, or a sentence that tells why these parameters make no sense. */
	const char *(*init)(void *state, const struct rt_params *params);
	/* The core whose queue gets the task. Without it there is one queue: that of core 0. */
	uint32_t (*place)(void *state, const struct rt_task *task);
	struct rt_task *(*steal)(void *state, uint32_t core, uint32_t victim, uint64_t now);
	uint64_t (*quantum)(void *state, uint32_t core, const struct rt_task *task);
	/* True: somebody waits who should have this core now rather than task. */
	bool (*yields)(void *state, uint32_t core, const struct rt_task *task, uint64_t now);
	/* The core to interrupt for a task that was just enqueued, or RT_NO_CORE. */
	uint32_t (*preempts)(void *state, const struct rt_task *task, uint64_t now);
	void (*stopped)(void *state, uint32_t core, struct rt_task *task, enum rt_why why,
			uint64_t now);

	/*
	 * enqueue(core 0, task, RT_YIELDED) and pick(core) in one, of the task that runs there:
	 * whom core runs next, perhaps the same. Only with one queue and RT_TIMELESS, without
	 * stopped(), quantum(), yields() and preempts(); and only where a core that pick() gave
	 * nothing before it would be given nothing after it.
	 */
	struct rt_task *(*rotate)(void *state, uint32_t core, struct rt_task *task);

	/* NULL: every deadline can be kept with this one as well. Else why not. */
	const char *(*admit)(void *state, const struct rt_demand *demand);
	/* Gives back what admit() granted. */
	void (*release)(void *state, const struct rt_demand *demand);
};

/* All policies, ended by NULL; found by name, NULL if there is none. */
extern const struct rt_policy *const rt_policies[];
const struct rt_policy *rt_policy_find(const char *name);

/* What any policy refuses, then init(). NULL, or the sentence. */
const char *rt_policy_start(const struct rt_policy *policy, void *state,
			    const struct rt_params *params);

static inline size_t rt_policy_bytes(const struct rt_policy *policy, uint32_t cores)
{
	return policy->bytes + cores * policy->bytes_per_core;
}

#endif
