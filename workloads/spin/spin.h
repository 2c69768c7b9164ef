/* SPDX-License-Identifier: MIT */
/*
 * Requests that spin for as long as they need, made in an open loop and served by whatever
 * serves on this machine: tasks of libdune's runtime, or threads of Linux.
 *
 * Whoever makes them has CPU n, the servers the CPUs after it.
 */
#ifndef SPIN_SPIN_H
#define SPIN_SPIN_H

#include "lib/hist.h"
#include "rtsim/options.h"
#include "rtsim/sim.h"

struct request {
	struct sim_job job;		/* first: a job is its request */
	void (*run)(struct request *);	/* where it is served; NULL: spins for job.size */
	uint64_t began, ended;		/* of the server's now() */
};

struct server_counts {
	uint64_t dispatches, preemptions, steals;
	uint64_t idle_ns;		/* of all cores together */
};

/* A way to serve. Every call ends the program with status 3 if it cannot be done. */
struct server {
	const char *name;
	bool has_counts;
	void (*start)(const struct options *options);
	uint64_t (*now)(void);			/* ns, on every CPU */
	void (*submit)(struct request *request);
	void (*drain)(void);			/* until all that were submitted are done */
	struct server_counts (*counts)(void);
	void (*hold)(void);			/* on a server: nobody else runs there until... */
	void (*release)(void);
	void (*stop)(void);
};

extern const struct server server_rt, server_threads;

/* What a request costs that is not service, in ns, as measured on this machine. */
struct costs {
	double submit;		/* whoever makes it, while the servers are busy */
	double kick;		/* more of that, if a core has to be interrupted for it */
	double wake;		/* more than dispatch, if its core is idle; below 0: less */
	double dispatch;	/* the core, from the end of one to the beginning of the next */
	double preempt;		/* the core, in addition, when a quantum is over and others wait */
	double interrupt;	/* the core, in addition, when one has to go for an arrival */
	double resume;		/* and when that one goes on */
	double reach;		/* until it is there: meanwhile that one goes on */
	double arm;		/* the core, before a quantum, when no timer is to ring */
	double lapse;		/* the core, when a quantum is over and nobody waits */
	double stale;		/* the core, when a timer rings for one that an end cut short */
	double served;		/* service within a quantum that follows another */
	bool has_quantum, has_interrupt; /* whether those are known */
};

/* Before anything else is submitted; it leaves as many requests' memory as it may need warm. */
void costs_measure(const struct options *options, const struct server *server,
		   struct costs *costs);

struct outcome {
	struct costs costs;
	struct sim_totals totals;
	struct hist late;	/* ns from when a request was due to when its making began */
	uint64_t idle_ns;	/* of all cores together */
	uint64_t overhead_ns;	/* neither idle nor service, from first arrival to last end */
};

/* Each when it is due, however long the queue: ended is relative to the first moment. */
void load_make(const struct options *options, const struct server *server,
	       struct request *requests, uint64_t n, struct outcome *outcome);

/* On a server, before anything else: how many turns of the loop a time is. */
void burn_calibrate(const struct server *server);
void burn(uint64_t ns);
/* What servers call. */
void request_serve(const struct server *server, struct request *request);

/*
 * "slowest": of each fiftieth of those after the warm-up, in order of arrival, the request with the
 * largest slowdown, how many others were there with it, and the longest of them.
 */
void series_json(const struct request *requests, uint64_t warmup, uint64_t n);

/* The calling thread stays on that CPU; under SCHED_FIFO if priority is not 0. */
void cpu_bind(uint32_t cpu, int priority);

_Noreturn void spin_fail(const char *what, int error);

#endif
