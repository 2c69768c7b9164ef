// SPDX-License-Identifier: MIT
/* A periodic thread, and how late it wakes, as cyclictest measures it. */
#include "jitter/jitter.h"

#include <dune/rt.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"

#define SECOND 1000000000ull

/* Both are CLOCK_MONOTONIC; the runtime's own asks nobody. */
static uint64_t now_ns(const struct options *options)
{
	return options->rt ? dune_rt_now() : clock_ns();
}

static void sleep_until(const struct options *options, uint64_t ns)
{
	const struct timespec until = { .tv_sec = (time_t)(ns / SECOND),
					.tv_nsec = (long)(ns % SECOND) };
	int error;

	do
		error = options->rt ? -dune_rt_sleep_until(ns) :
				      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	while (error == EINTR);
	if (error)
		fail(FAIL_MEASUREMENT, "cannot sleep: %s", strerror(error));
}

void wake_run(struct wake *wake, const struct options *options)
{
	const uint64_t interval = options->interval_us * 1000;
	uint64_t begin, target, now, i;

	memset(wake, 0, sizeof(*wake));
	hist_reset(&wake->late);
	begin = now_ns(options);
	target = begin + interval;
	for (i = 0; i < options->cycles; i++) {
		sleep_until(options, target);
		now = now_ns(options);
		if (now - target > wake->late.max || !wake->late.n)
			wake->worst_at_ns = target - begin;
		hist_record(&wake->late, now - target);
		/* A period that is over is not made up for: that would wake at once. */
		for (target += interval; target <= now; target += interval)
			wake->overruns++;
	}
}
