// SPDX-License-Identifier: MIT
/* How many exits of each kind, and system calls. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "exit_show.h"

#define KNOWN 512
#define REASONS_MAX 40
#define CALLS_SHOWN 10

static struct {
	char name[EVENT_REASON_MAX];
	uint64_t n;
} reasons[REASONS_MAX];
static uint64_t call_counts[KNOWN], exits_n, calls_n, lost_n;

static void count_exit(const char *reason)
{
	int i;

	exits_n++;
	for (i = 0; i < REASONS_MAX - 1 && *reasons[i].name; i++)
		if (!strcmp(reasons[i].name, reason))
			break;
	snprintf(reasons[i].name, sizeof(reasons[i].name), "%s", reason);
	reasons[i].n++;
}

void exit_count(const struct event *event)
{
	if (event->kind == EVENT_EXIT)
		count_exit(event->reason);
	if (event->kind == EVENT_CALL && event->nr < KNOWN) {
		call_counts[event->nr]++;
		calls_n++;
	}
	lost_n += event->lost;
}

static double share(uint64_t n, uint64_t of)
{
	return of ? 100.0 * (double)n / (double)of : 0;
}

void exit_summary(double seconds)
{
	int i, n, most;
	char name[32];

	printf("%" PRIu64 " exits in %.1f s\n", exits_n, seconds);
	for (;;) {
		for (i = 0, most = 0; i < REASONS_MAX; i++)
			if (reasons[i].n > reasons[most].n)
				most = i;
		if (!reasons[most].n)
			break;
		printf("%12" PRIu64 " %5.1f %%  %s\n", reasons[most].n,
		       share(reasons[most].n, exits_n), reasons[most].name);
		reasons[most].n = 0;
	}
	if (calls_n)
		printf("%" PRIu64 " system calls\n", calls_n);
	for (n = 0; n < CALLS_SHOWN; n++) {
		for (i = 0, most = 0; i < KNOWN; i++)
			if (call_counts[i] > call_counts[most])
				most = i;
		if (!call_counts[most])
			break;
		printf("%12" PRIu64 " %5.1f %%  %s\n", call_counts[most],
		       share(call_counts[most], calls_n),
		       exit_call_name((uint64_t)most, name, sizeof(name)));
		call_counts[most] = 0;
	}
	if (lost_n)
		printf("%" PRIu64 " events more were lost: too many for this reader\n", lost_n);
	fflush(stdout);
}
