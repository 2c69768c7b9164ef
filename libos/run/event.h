/* SPDX-License-Identifier: MIT */
/* The module's tracepoints (modules/core/trace.h) as tracefs prints them. */
#ifndef DUNE_RUN_EVENT_H
#define DUNE_RUN_EVENT_H

#include <stdbool.h>
#include <stdint.h>

enum event_kind { EVENT_OTHER, EVENT_LOST, EVENT_ENTRY, EVENT_EXIT, EVENT_CALL, EVENT_FAULT };

#define EVENT_REASON_MAX 32

struct event {
	enum event_kind kind;
	char time[24]; /* seconds of the trace's clock */
	int thread;
	uint64_t rip;			 /* ENTRY, EXIT */
	uint64_t rax;			 /* ENTRY */
	char reason[EVENT_REASON_MAX];	 /* EXIT */
	uint64_t hw;			 /* EXIT: the CPU's number for it */
	uint64_t nr, args[6];		 /* CALL */
	uint64_t hva;			 /* FAULT */
	char access[8];			 /* FAULT: of r, w, x, t */
	int error;			 /* FAULT */
	unsigned long lost;		 /* LOST */
};

/* A line of trace_pipe. */
struct event event_parse(const char *line);

#endif
