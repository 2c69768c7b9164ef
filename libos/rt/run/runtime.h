/* SPDX-License-Identifier: MIT */
/*
 * The runtime's state: cores, threads (the tasks of dune/rt.h), locks.
 *
 * Two kinds of lock, taken in this order, with interrupts off and never across a
 * switch: the wait lock, for all that tasks wait for and for the table of threads; and the
 * policy's, one or one per core. A thread that lets go of its core is in a queue,
 * perhaps already picked by another core, before its registers are saved: `leaving' is
 * set before it can be picked, and is what the other core waits for. Only the short way of
 * dune_rt_yield() saves them first.
 */
#ifndef RT_RUN_RUNTIME_H
#define RT_RUN_RUNTIME_H

/* For switch.S, checked in thread.c. */
#define THREAD_SP 80
#define THREAD_LEAVING 88
#define THREAD_STATE 92
#define THREAD_MXCSR 96
#define THREAD_FCW 100
#define CORE_CURRENT 0
#define CORE_SLOW 16 /* eight bytes that are 0 if a yield is nothing but that */
#define CORE_INDEX 24
#define CORE_COUNTERS 32
#define COUNTERS_DISPATCHES 8
#define RUNTIME_STATE 8
#define RUNTIME_ROTATE 16
#define RUNTIME_LOCK 64
#define STATE_READY 1
#define STATE_RUNNING 2

#ifndef __ASSEMBLER__
#include <pthread.h>
#include <sys/types.h>

#include <dune/rt.h>

#include "../config.h"
#include "../heap.h"
#include "../policy.h"
#include "../shared.h"

struct rt_mutex;
struct rt_thread;

struct rt_ticket {
	uint32_t next, serving;
};

/* Who waits for one thing, in order of arrival. */
struct rt_waiters {
	struct rt_thread *first, *last;
};

enum rt_state { RT_FREE, RT_READY = STATE_READY, RT_RUNNING = STATE_RUNNING, RT_WAITING, RT_ENDED };

/* What an alarm has to undo. */
enum rt_waits { RT_WAITS_SLEEP, RT_WAITS_SEM, RT_WAITS_COND, RT_WAITS_OTHER };

struct rt_thread {
	struct rt_task task;	/* the policy's; first, so that both have one address */
	void *sp;		/* while no core runs it, as the next two */
	uint32_t leaving;	/* a core is about to save them and leaves its stack then */
	enum rt_state state;	/* under the policy's lock while it is ready or runs */
	uint32_t mxcsr;
	uint16_t fcw;
	uint64_t since;		/* while it runs: TSC of its dispatch, and what was no service */

	void *(*run)(void *);
	void *arg;
	void *result;		/* of its own; of the one it joined */
	dune_rt_task id;	/* generation << 32 | index + 1 */
	char name[16];
	bool detached, boosted;
	struct rt_demand demand;
	struct rt_thread *joiner; /* RT_OUTSIDE: a thread of Linux's */
	struct rt_thread *next_free;

	/* Under the wait lock. */
	struct rt_thread *next, *prev; /* in the queue */
	struct rt_waiters *queue;
	enum rt_waits waits;
	int outcome;
	struct rt_mutex *held;	   /* all of them */
	struct rt_mutex *awaits;   /* the one it waits for */
	struct rt_mutex *returns;  /* of a condition's, the one it wants back */
	uint16_t base_priority;
	uint64_t base_deadline;
	struct rt_task alarm;	/* its node in a core's heap */
	uint32_t alarm_core;	/* RT_NO_CORE: no alarm is set */

	char *stack;		/* above its guard page */
	size_t stack_size;
};

#define RT_OUTSIDE ((struct rt_thread *)1)

/* Free stacks of one size, under the wait lock; each has the next one at its top. */
#define RT_STACK_SIZES 4

struct rt_stacks {
	size_t size;
	uint32_t n;
	char *first;
};

struct rt_core {
	struct rt_thread *current; /* &idle: none */
	uint64_t alarm_at;	/* TSC of the first alarm; ~0: none */
	uint32_t hold;		/* depth of critical sections */
	uint16_t resched;	/* ask the policy as soon as that is allowed */
	uint8_t elaborate;	/* this policy wants more at a yield than rotate() */
	uint8_t alarmed;	/* there is an alarm */
	uint32_t index;
	bool lapsed;		/* the quantum is over, and nobody waited then */
	struct rt_core_counters *counters; /* below, or what the process shares with others */
	uint64_t begins;	/* twice the dispatches by begin(), odd while it counts one */
	uint64_t yields, sends, hold_ns; /* the rest of struct dune_rt_stats; yields by C */
	struct rt_core_counters own;
	uint64_t hold_since;
	uint64_t slice_end;	/* TSC; ~0: no quantum */
	uint64_t slice_ns, slice; /* the policy's last quantum, and its ticks */
	uint64_t aimed;		/* what its timer is set to; 0: who knows */
	struct dune_timer *timer; /* its thread's; NULL: there is none */
	uint64_t toll;		/* ticks that an interrupt takes from a task beside its handler */
	struct rt_heap alarms;	/* by TSC; under the wait lock */
	struct rt_thread idle;	/* the loop itself, on the stack of the core's own thread */
	pthread_t pthread;
	pid_t tid;
	uint32_t cpu;
	int error;
	/* What others write, on a line of its own. */
	_Alignas(RT_LINE) uint32_t wake; /* changes: look for work */
} __attribute__((aligned(2 * RT_LINE)));

struct rt_runtime {
	const struct rt_policy *policy;
	void *state;
	struct rt_task *(*rotate)(void *state, uint32_t core, struct rt_task *task); /* its */
	uint64_t idle;		/* a bit for each core that waits to be told of work */
	uint64_t lapsed;	/* and whose task has used up its quantum with nobody waiting */
	uint64_t told;		/* that were interrupted and have yet to ask; policy's lock */
	struct {
		_Alignas(RT_LINE) struct rt_ticket lock;
	} policy_lock[RT_CORES_MAX];
	struct rt_params params;
	uint32_t cores;
	uint32_t flags;
	unsigned int vector;
	uint32_t running;	/* tasks may be spawned */
	bool ordered;		/* the policy knows urgency: priority or deadline */
	bool timed;		/* there is a timer to preempt with */
	bool counts;		/* the policy reads what tasks have run */
	uint64_t slack;		/* ticks by which the end of a quantum may be late */
	uint32_t stopping;
	uint32_t flows;		/* given out to tasks without one */

	struct rt_thread *threads;
	uint32_t threads_max, threads_made; /* those that were ever used come first */
	struct rt_thread *free;
	size_t stack_size;
	struct rt_stacks stacks[RT_STACK_SIZES];
	uint32_t live;		/* tasks, those to be, and who join them from outside */
	struct rt_shared *shared; /* NULL: nobody asked for it */

	_Alignas(RT_LINE) struct rt_ticket wait_lock;
	struct rt_core core[RT_CORES_MAX];
};

/* One at a time in a process; cores and tasks find it here. */
extern struct rt_runtime rt __attribute__((visibility("hidden")));

/* What threads that are no cores use of any runtime, the next one as well. */
struct rt_outer {
	uint32_t visitors;	/* who are in a call: it is not stopped before they are out */
	uint32_t ended;		/* changes with each end of a task: they wait for it */
	uint32_t waiting;	/* how many */
};

extern struct rt_outer rt_outer __attribute__((visibility("hidden")));

/* A call of the runtime: interrupts are off between rt_enter() and rt_leave(). */
struct rt_here {
	uint64_t flags;		/* RFLAGS before; outside in ring 3: 0 */
	struct rt_core *core;	/* NULL outside */
	struct rt_thread *me;	/* NULL outside */
	uint64_t kicks;		/* cores to interrupt once no lock is held */
};

/* here.c */
void rt_enter(struct rt_here *here);
/* rt_enter() if there is a runtime, which then stays until rt_leave(). False: there is none. */
bool rt_visit(struct rt_here *here);
void rt_leave(struct rt_here *here);
/* Interrupt those in kicks. With no lock held. */
void rt_send(struct rt_here *here);
/* 0, or why the caller may not wait here. */
int rt_may_block(const struct rt_here *here);
bool rt_running(void);

/* ready.c */
/* It is ready: place, enqueue, see that somebody runs it. */
void rt_ready(struct rt_here *here, struct rt_thread *thread, enum rt_why why);
/* Tell idle cores of what is in this queue: whether there were any. */
bool rt_wake_idle(uint32_t queue);
/* Its urgency is this from now on, wherever it is. */
void rt_urgency_set(struct rt_here *here, struct rt_thread *thread, uint16_t priority,
		    uint64_t deadline);

/* dispatch.c: with no lock held */
/* The calling thread stays ready; returns when it runs again. */
void rt_give_way(struct rt_here *here, enum rt_why why);
/* The calling thread is out of the policy's sight: with the wait lock held. */
void rt_stopped(struct rt_here *here, enum rt_why why);
/* What is next; returns when the calling thread runs again. */
void rt_go(struct rt_here *here);
/* The same after an interrupt at tsc if the policy wants it; false: it does not. */
bool rt_preempt(struct rt_here *here, uint64_t tsc);
/* Whether another should have this core now. */
bool rt_must_go(struct rt_core *core, uint64_t tsc);
/* It is served from then; it stops then, which the policy is about to be told. */
static inline void rt_service_begins(struct rt_thread *thread, uint64_t tsc)
{
	thread->since = tsc;
}
void rt_service_ends(struct rt_thread *thread, uint64_t tsc);
void rt_core_loop(struct rt_core *core);

/* count.c */
/* -EINVAL: what the descriptor is of is no such page. */
int rt_counters_share(int fd);
void rt_counters_unshare(void);
/* Where a core is to count from now on. */
struct rt_core_counters *rt_counters_of(struct rt_core *core);

/* toll.c: by a core with a timer, before there are tasks */
void rt_toll_measure(struct rt_core *core);

/* preempt.c */
struct dune_trap_frame;
void rt_interrupt(struct dune_trap_frame *frame, void *unused);

/* switch.S */
void rt_switch(struct rt_thread *from, struct rt_thread *to);
extern const char rt_thread_entry[];
/* self.c: a yield that is more than that */
int rt_yield_slow(uint64_t flags);

/* thread.c */
int rt_threads_init(uint32_t max);
void rt_threads_free(void);
/*
 * For a task to be, which counts as live. -EAGAIN: there are as many as can be; -ESRCH: no
 * runtime. Some core may still use its stack.
 */
int rt_thread_take(struct rt_thread **thread);
/* With the wait lock held. Of a number; NULL: nobody has it. Nobody needs it any more. */
struct rt_thread *rt_thread_find(dune_rt_task id);
void rt_thread_release(struct rt_thread *thread);
/* end.c */
_Noreturn void rt_thread_main(struct rt_thread *thread);
/*
 * With the wait lock held: one that counted as live does no more. Whether there are those that
 * rt_outside_wake() has to tell, without it.
 */
bool rt_gone(bool asked);
void rt_outside_wake(void);
/* Outside, until the runtime may have changed. seen: rt_outer.ended before the caller looked. */
void rt_outside_wait(uint32_t seen);
/* stack.c */
/* Stacks for the first tasks, so many or fewer; what they lack is made when it is needed. */
void rt_stacks_make(uint32_t most);
/* By a core, in ring 0: no task meets a page of those that has no entry yet. */
void rt_stacks_touch(void);
/* Of threads that have been given up, and of the pool. */
void rt_stacks_free(void);
int rt_stack_get(struct rt_thread *thread, size_t size);
void rt_fatal_note(uint64_t address);

/* given.c: what `dune rt run' has handed over, if it did */
void rt_shared_begin(void);
/* By a core, before there are tasks. */
void rt_memory_touch(void);

/* wait.c: with the wait lock held */
void rt_wait_on(struct rt_thread *thread, struct rt_waiters *queue, enum rt_waits waits);
/* Give lock and core away until somebody calls rt_wake(): its outcome, without the lock. */
int rt_block(struct rt_here *here);
void rt_wake(struct rt_here *here, struct rt_thread *thread, int outcome);
/* Out of its queue, without its alarm; who waits longest among the most urgent. */
void rt_wait_off(struct rt_thread *thread);
struct rt_thread *rt_wait_first(const struct rt_waiters *queue);
bool rt_more_urgent(const struct rt_thread *a, const struct rt_thread *b);

/* alarm.c: with the wait lock held */
void rt_alarm_set(struct rt_core *core, struct rt_thread *thread, uint64_t when);
void rt_alarm_clear(struct rt_thread *thread);
/* Without it: end what is due on this core. */
void rt_alarms_ring(struct rt_here *here, uint64_t tsc);

/* mutex.c: with the wait lock held */
/* It has it, or waits for it: outcome is what its call will return. */
void rt_mutex_return(struct rt_here *here, struct rt_mutex *mutex, struct rt_thread *thread,
		     int outcome);
void rt_mutexes_abandon(struct rt_here *here, struct rt_thread *thread);

/* clock.c */
void rt_clock_init(void);

#include "inline.h"
#endif
#endif
