// SPDX-License-Identifier: MIT
/* An interrupt within a critical section, and the quantum that goes on behind it. */
#include "lib/rt_up.h"

static volatile uint32_t asleep, woken, wrong;

static uint64_t interrupts(void)
{
	struct dune_rt_stats stats = { 0 };

	dune_rt_stats_get(0, &stats, sizeof(stats));
	return stats.interrupts;
}

static void *sleeps(void *arg)
{
	asleep = 1;
	dune_rt_sleep_until(dune_rt_now() + 20 * MS);
	woken = 1;
	return arg;
}

/* Its section has an interrupt in it, for who sleeps, and is over before the quantum is. */
static void *goes_on(void *arg)
{
	const uint64_t before = interrupts(), begin = dune_rt_now();

	dune_rt_hold();
	while (interrupts() == before && dune_rt_now() - begin < 1000 * MS)
		;
	dune_rt_release();
	while (!woken && dune_rt_now() - begin < 3000 * MS)
		;
	wrong += !woken;
	return arg;
}

int main(void)
{
	struct dune_rt_options options = rt_options("rr", 1);

	ktap_plan(1);
	if (dune_init(NULL))
		ktap_bail("dune_init");
	options.quantum = 100 * MS;
	if (dune_rt_start(&options))
		ktap_bail("dune_rt_start");
	dune_rt_spawn(NULL, sleeps, NULL, NULL);
	while (!asleep)
		;
	dune_rt_spawn(NULL, goes_on, NULL, NULL);
	dune_rt_wait();
	ktap_check(!wrong, "rr: an interrupt within a section leaves the quantum its end");
	rt_down();
	return ktap_exit_status();
}
