// SPDX-License-Identifier: MIT
/* Tasks in ring 0: three that compute and one that adds up, on two cores, over a channel. */
#include <dune.h>
#include <stdio.h>
#include <string.h>

static struct dune_rt_slot slots[8];
static struct dune_rt_channel results;

static void *count_primes(void *arg)
{
	const unsigned int from = *(const unsigned int *)arg;
	unsigned int n, d, found = 0;

	for (n = from; n < from + 1000; n++) {
		for (d = 2; d * d <= n && n % d; d++)
			;
		found += d * d > n && n > 1;
	}
	dune_rt_channel_send(&results, found);
	return NULL;
}

static void *add_up(void *arg)
{
	uint64_t found, sum = 0;
	int i;

	for (i = 0; i < 3 && !dune_rt_channel_recv(&results, &found); i++)
		sum += found;
	*(uint64_t *)arg = sum;
	return NULL;
}

int main(void)
{
	static const unsigned int from[] = { 0, 1000, 2000 };
	const struct dune_rt_options options = { .version = DUNE_RT_VERSION,
						 .size = sizeof(options),
						 .policy = "steal",
						 .cores = 2,
						 .flags = DUNE_RT_SHARED };
	struct dune_rt_stats stats = { 0 };
	uint64_t primes = 0;
	int i, error = dune_init(NULL);

	if (!error)
		error = dune_rt_channel_init(&results, slots, 8);
	if (!error)
		error = dune_rt_start(&options);
	if (!error)
		error = dune_rt_spawn(NULL, add_up, &primes, NULL);
	for (i = 0; i < 3 && !error; i++)
		error = dune_rt_spawn(NULL, count_primes, (void *)&from[i], NULL);
	if (error) {
		fprintf(stderr, "no tasks: %s\n", strerror(-error));
		return 1;
	}
	dune_rt_wait();
	dune_rt_stats_get(0, &stats, sizeof(stats));
	printf("%lu primes below 3000; core 0 was %s\n", primes,
	       stats.dispatches ? "busy" : "idle");
	return dune_rt_stop();
}
