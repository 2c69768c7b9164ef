/* SPDX-License-Identifier: MIT */
/*
 * Tasks: user threads in ring 0 on cores of their own, under a scheduling policy.
 *
 *	dune_init(NULL);
 *	dune_rt_start(&options);	// one loop per core, each in Dune mode
 *	dune_rt_spawn(&task, run, arg, NULL);
 *	dune_rt_wait();			// until no task is left
 *	dune_rt_stop();
 *
 * Everything returns 0 or a negative errno. Times are nanoseconds: absolute ones of
 * dune_rt_now(), which begins as CLOCK_MONOTONIC and goes on by the TSC, without a system
 * call: it follows no adjustment of Linux's clock, and may be off by 1e-5 of the time since.
 * "Outside" means a thread of the process that is not one of the runtime's cores.
 *
 * What tasks have to know:
 * - Tasks of one core share one thread of libc: its errno, thread-local variables,
 *   the caches of malloc(). A task may go on on another core after anything that lets others
 *   run. Under a policy that preempts, that may be any instruction: calls of libc that
 *   are not async-signal-safe stand between dune_rt_hold() and dune_rt_release().
 * - A system call stops its core until Linux has done it; nobody else runs there.
 * - dune_root_switch() and dune_user_run() are about the core: between dune_rt_hold() and
 *   dune_rt_release() as well. DUNE_USER_TRAP with the runtime's vector asks to let others run.
 * - Cores take no signals but those of faults. Nothing here is for signal handlers.
 * - An exception or a fault of a task ends the process as that of any thread would, with a
 *   line that names the task; so does the page below its stack.
 * - fork() copies no core: in the child, there is no runtime.
 */
#ifndef DUNE_RT_H
#define DUNE_RT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUNE_RT_VERSION 1u
#define DUNE_RT_CLASSES 8u /* of tasks, at most */

#define DUNE_RT_SHARED (1u << 0) /* other threads need these CPUs: an idle core yields to Linux */

/* Members that are 0 or NULL ask for what is said; version and size must be set. */
struct dune_rt_options {
	uint32_t version;   /* DUNE_RT_VERSION */
	uint32_t size;	    /* sizeof(struct dune_rt_options) */
	const char *policy; /* docs/scheduling.md has the list; NULL: cfcfs */
	const char *cpus;   /* as in 2-3,5; NULL: the first that the caller may use */
	uint32_t cores;	    /* so many of those; 0: 1, or with cpus, all of them */
	uint32_t flags;	    /* DUNE_RT_SHARED */
	uint64_t quantum;   /* ns: for policies that have one, which need it */
	uint32_t classes;   /* of tasks; 0: DUNE_RT_CLASSES */
	uint32_t reserved[DUNE_RT_CLASSES]; /* cores of each class, where a policy asks */
	uint32_t tasks;	    /* at once, with those that wait to be joined; 0: 1024; at most 65536 */
	uint32_t vector;    /* 32 to 255, which the runtime takes; 0: 0xf0 */
	uint64_t stack;	    /* bytes of a task that does not say; 0: 64 KiB */
	const char **why;   /* gets the sentence that explains -EINVAL; may be NULL */
};

/*
 * Start the runtime, from outside. options NULL: what the environment variable DUNE_RT
 * says, as `dune rt run` sets it, defaults without it; the sentence that explains -EINVAL then
 * goes to descriptor 2. Returns when all cores run. -EINVAL: the
 * options; -ENOENT: no such policy; -EALREADY: it runs; -EPERM: before dune_init(),
 * or in a task; -ENOTSUP: no DUNE_FEATURE_INTERRUPT, or with a quantum none of
 * DUNE_FEATURE_TIMER (without which who sleeps beside a task that works is woken
 * late); -EMFILE, -ENOMEM, -EAGAIN: no vCPU, memory or
 * thread; an errno of sched_setaffinity() for a CPU that is not to be had.
 */
int dune_rt_start(const struct dune_rt_options *options);

/* From outside, until no task is left. -ESRCH: no runtime; -EDEADLK: in a task. */
int dune_rt_wait(void);

/*
 * End the cores, from outside. -EBUSY: there are tasks, or some are being made or joined, as
 * dune_rt_wait() would wait for; -ESRCH, -EDEADLK: as above.
 */
int dune_rt_stop(void);

typedef uint64_t dune_rt_task; /* a number that is never used again; 0 is nobody */

#define DUNE_RT_DETACHED (1u << 0) /* its result is for nobody */

/* Members that are 0 or NULL ask for what is said. A policy looks at what it orders by. */
struct dune_rt_attr {
	uint32_t version;  /* DUNE_RT_VERSION */
	uint32_t size;	   /* sizeof(struct dune_rt_attr) */
	const char *name;  /* copied, up to 15 bytes; for messages */
	uint32_t flags;	   /* DUNE_RT_DETACHED */
	uint32_t flow;	   /* tasks of one have the same home core; 0: any core */
	uint16_t task_class; /* below the options' classes; 0 is the shortest */
	uint16_t priority; /* 0 to 63; 0 goes first */
	uint32_t unused;   /* 0 */
	uint64_t deadline; /* absolute; 0: none */
	uint64_t size_hint; /* ns that it needs in all; 0: unknown */
	/* Admission, of policies that have it: cost ns within `within' of each arrival, */
	uint64_t cost, within, period; /* which are `period' apart; all 0: not asked for */
	size_t stack;	   /* bytes; 0: the options' */
	const char **why;  /* gets the sentence that explains -EDQUOT; may be NULL */
};

/*
 * Make a task that calls run(arg), from anywhere; it may run before this returns. *task
 * is its number; NULL if nobody needs it. A name that waits to be joined counts as a task. -EINVAL:
 * the attributes; -EAGAIN: there are as many tasks as can be; -ENOMEM: no stack;
 * -EDQUOT: admission says that deadlines would be missed; -ESRCH: no runtime.
 */
int dune_rt_spawn(dune_rt_task *task, void *(*run)(void *), void *arg,
		  const struct dune_rt_attr *attr);

/*
 * Wait for the end of a task that is not detached, once: its result goes to *result, which
 * may be NULL. -ESRCH: no such task; -EINVAL: it is detached or somebody
 * else joins it; -EDEADLK: it is the caller, or the caller must not block.
 */
int dune_rt_join(dune_rt_task task, void **result);
/* -ESRCH, -EINVAL: as above. */
int dune_rt_detach(dune_rt_task task);

/*
 * End the calling task, as returning from its function does. Mutexes it holds go on to
 * who waits, who is told -EOWNERDEAD. Returns only to refuse: -EPERM: not in a task;
 * -EDEADLK: between dune_rt_hold() and dune_rt_release().
 */
int dune_rt_exit(void *result);

/* The calling task, its core's index; 0 and -EPERM outside. */
dune_rt_task dune_rt_self(void);
int dune_rt_core(void);

/* Let others run, as the policy has it. -EPERM: outside; -EDEADLK: must not block (below). */
int dune_rt_yield(void);

uint64_t dune_rt_now(void);
/* Returns at once if that is past. Errors as of dune_rt_yield(). */
int dune_rt_sleep_until(uint64_t when);
/* The calling task's own, absolute, from now on; 0: none. -EPERM: outside. */
int dune_rt_deadline_set(uint64_t deadline);

/*
 * Critical sections: no preemption of this core between the two; they nest. Interrupts
 * stay on. What might block is refused in them, and where the program has cleared IF:
 * -EDEADLK. The longest of a core is in its statistics. -EPERM: outside, or none is open.
 */
int dune_rt_hold(void);
int dune_rt_release(void);

/*
 * What follows is the caller's memory, all zeroes to begin with, and must not be moved. Where
 * calls may block: -EPERM outside, -EDEADLK as above. Who waits is served by urgency, if the policy
 * knows one (priority, deadline), then in order of arrival.
 */
struct dune_rt_mutex {
	uint64_t opaque[6];
};

#define DUNE_RT_PLAIN (1u << 0) /* no inheritance */

/*
 * A mutex's holder is as urgent as the most urgent that waits, and so on along a
 * chain of mutexes. 0 or -EINVAL: unknown flags; not needed for flags 0.
 */
int dune_rt_mutex_init(struct dune_rt_mutex *mutex, uint32_t flags);
/*
 * -EDEADLK: the caller has it, or waiting would close a circle. -EOWNERDEAD: the
 * caller has it now, and whoever had it before ended with it.
 */
int dune_rt_mutex_lock(struct dune_rt_mutex *mutex);
/* -EBUSY: somebody has it. */
int dune_rt_mutex_trylock(struct dune_rt_mutex *mutex);
/* To the next one, if there is one. -EPERM: the caller has it not. */
int dune_rt_mutex_unlock(struct dune_rt_mutex *mutex);

struct dune_rt_cond {
	uint64_t opaque[4];
};

/*
 * Give the mutex back, wait, and have it again afterwards. It does not return without a
 * signal. when: 0, or give up then: -ETIMEDOUT. -EPERM: the caller has not the mutex.
 */
int dune_rt_cond_wait(struct dune_rt_cond *cond, struct dune_rt_mutex *mutex, uint64_t when);
/* Wake one, or all; from anywhere. */
int dune_rt_cond_signal(struct dune_rt_cond *cond);
int dune_rt_cond_broadcast(struct dune_rt_cond *cond);

struct dune_rt_sem {
	uint64_t opaque[4];
};

#define DUNE_RT_SEM_MAX 0x7fffffffu

/* -EINVAL: more than DUNE_RT_SEM_MAX. Not needed for 0. */
int dune_rt_sem_init(struct dune_rt_sem *sem, uint32_t count);
/* when: 0, or give up then: -ETIMEDOUT. */
int dune_rt_sem_wait(struct dune_rt_sem *sem, uint64_t when);
/* From anywhere, handlers of dune_trap_set() too. -EAGAIN: it is 0. */
int dune_rt_sem_trywait(struct dune_rt_sem *sem);
/* From anywhere, as above. -EOVERFLOW: beyond DUNE_RT_SEM_MAX. */
int dune_rt_sem_post(struct dune_rt_sem *sem);

/* A bounded queue of words, many to many, first in first out. */
struct dune_rt_slot {
	uint64_t opaque[2];
};

struct dune_rt_channel {
	uint64_t opaque[32];
};

/* slots: n of them, the caller's, n a power of two from 2 to 2^20. -EINVAL: another n. */
int dune_rt_channel_init(struct dune_rt_channel *channel, struct dune_rt_slot *slots, uint32_t n);
/* Waits while it is full. -EPIPE: it was closed. */
int dune_rt_channel_send(struct dune_rt_channel *channel, uint64_t value);
/* Waits while it is empty. -EPIPE: it was closed and nothing is left. */
int dune_rt_channel_recv(struct dune_rt_channel *channel, uint64_t *value);
/* From anywhere. -EAGAIN: it is full, or empty. */
int dune_rt_channel_trysend(struct dune_rt_channel *channel, uint64_t value);
int dune_rt_channel_tryrecv(struct dune_rt_channel *channel, uint64_t *value);
/* Nothing more comes in; who waits is woken. -EPIPE: it was closed. */
int dune_rt_channel_close(struct dune_rt_channel *channel);

/* Of one core, since the start; grows at its end only. */
struct dune_rt_stats {
	uint64_t dispatches;   /* tasks put on the core */
	uint64_t yields;       /* that gave way by themselves */
	uint64_t preemptions;  /* that had to */
	uint64_t steals;       /* taken from another core's queue */
	uint64_t wakeups;      /* made ready from here */
	uint64_t interrupts;   /* of its timer, or sent by others */
	uint64_t sends;	       /* interrupts to others */
	uint64_t timers;       /* sleeps and timeouts that ended */
	uint64_t late_ns;      /* the latest of those */
	uint64_t idle_ns;      /* without a task */
	uint64_t hold_ns;      /* longest section of dune_rt_hold() */
};

/*
 * From anywhere; each figure is whole, all together are of about the same time. size:
 * sizeof(struct dune_rt_stats). -EINVAL: no such core, or another size; -ESRCH: no runtime.
 */
int dune_rt_stats_get(uint32_t core, struct dune_rt_stats *stats, size_t size);

#ifdef __cplusplus
}
#endif
#endif
