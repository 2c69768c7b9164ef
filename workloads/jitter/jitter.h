/* SPDX-License-Identifier: MIT */
/* What a CPU takes from the program that spins on it, and how late it wakes one: two probes. */
#ifndef JITTER_JITTER_H
#define JITTER_JITTER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/hist.h"

#define FAIL_USAGE 2
#define FAIL_MEASUREMENT 3
#define PRIORITY 95 /* SCHED_FIFO, of the Linux rows: cyclictest's usual one */
#define INTERRUPTS_MAX 256

struct options {
	const char *probe;	/* spin or wake */
	const char *out;	/* prefix of the files */
	const char *system;	/* a word for the result; "" without */
	int cpu;
	bool dune;		/* in ring 0 of a VM */
	bool rt;		/* there, as a task of the runtime on that CPU */
	uint64_t duration;	/* of spin, in ticks */
	uint64_t warmup;	/* of spin, in ticks: before it counts */
	uint64_t threshold;	/* of spin, in ticks: a longer gap is an interruption */
	uint64_t interval_us;	/* of wake */
	uint64_t cycles;	/* of wake: periods */
};

/* An interruption: when it began, counted from the beginning, and how long it was, in ticks. */
struct gap {
	uint64_t at, ticks;
};

#define GAPS_MAX 20000

struct spin {
	uint64_t begin;		/* TSC */
	uint64_t ticks, turns;	/* all of it */
	uint64_t settling;	/* interruptions before it counted */
	uint64_t least;		/* ticks of a turn without interruption */
	uint64_t found, lost;	/* interruptions; ticks they took in all, without a turn's own */
	struct gap gap[GAPS_MAX]; /* the first of them */
};

struct wake {
	struct hist late;	/* ns between the time asked for and that of waking */
	uint64_t overruns;	/* periods that had passed when the one before ended */
	uint64_t worst_at_ns;	/* of the latest, counted from the beginning */
};

/* A counter of Linux's about the CPU, before and after. */
struct interrupts {
	unsigned int n;
	struct {
		char name[32];
		uint64_t count;
	} row[INTERRUPTS_MAX];
};

_Noreturn void fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

void spin_run(struct spin *spin, const struct options *options);
void wake_run(struct wake *wake, const struct options *options);

/* Rows of /proc/interrupts and, if own, as ctxt the calling thread's context switches. */
void interrupts_read(struct interrupts *interrupts, int cpu, bool own);

/* Whether `dune rt run` runs us, and says on which cores. */
bool rt_given(void);

/* probe(arg) as the one task of the runtime's one core; the rest of the program is elsewhere. */
void rt_run(const struct options *options, void (*probe)(void *), void *arg);

struct measured {
	const struct spin *spin;	/* one of them is NULL */
	const struct wake *wake;
	const struct interrupts *before, *after;
	double tick_hz;
	uint64_t exits;			/* of the VM; 0 without one */
	bool locked, realtime;
};

void output_files(const struct options *options, const struct measured *measured);

#endif
