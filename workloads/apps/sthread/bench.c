// SPDX-License-Identifier: MIT
/* Creating a compartment against fork, going from one to the next against a process switch. */
#include "apps/sthread/bench.h"

#include <dune.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apps/sthread/inside.h"
#include "apps/sthread/sthread.h"
#include "micro/series.h"

#define QUICK 50u
#define FULL 1000u

static unsigned int iterations(const struct app_options *options)
{
	return options->quick ? QUICK : FULL;
}

static void print(const char *name, struct series *series)
{
	SERIES_RUN(series->empty, series->batches, series->iterations, NOTHING);
	series_print(name, series);
}

static void by_fork(void)
{
	pid_t child = fork();
	int status;

	if (!child) {
		inside_nothing(NULL);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status)
		app_fail("fork", errno);
}

static void *in_thread(void *arg)
{
	inside_nothing(arg);
	return arg;
}

static void by_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, in_thread, NULL) || pthread_join(thread, NULL))
		app_fail("pthread_create", errno);
}

static void pass(int from, int to)
{
	char token;

	if (read(from, &token, 1) != 1 || write(to, &token, 1) != 1)
		app_fail("a pipe", errno);
}

/*
 * Two processes pass a token by pipes: two switches a turn. `empty` is the reading and
 * writing of one alone, as lmbench has it.
 */
static void switch_linux(const char *name, struct series *series)
{
	int there[2], back[2], own[2];
	char token = 0;
	pid_t child;

	if (pipe(there) || pipe(back) || pipe(own) || write(own[1], &token, 1) != 1 ||
	    write(back[1], &token, 1) != 1)
		app_fail("a pipe", errno);
	child = fork();
	if (!child) {
		close(there[1]);
		while (read(there[0], &token, 1) == 1)
			if (write(back[1], &token, 1) != 1)
				_exit(1);
		_exit(0);
	}
	close(there[0]);
	series->iterations *= 2;
	SERIES_RUN(series->ticks, series->batches, series->iterations / 2, pass(back[0], there[1]));
	SERIES_RUN(series->empty, series->batches, series->iterations, pass(own[0], own[1]));
	close(there[1]);
	waitpid(child, NULL, 0);
	series_print(name, series);
}

void bench_linux(const struct app_options *options)
{
	static struct series s;

	s = (struct series){ .batches = options->batches, .iterations = iterations(options) };
	if (app_wanted(options, "create")) {
		SERIES_RUN(s.ticks, s.batches, s.iterations, by_fork());
		print("sthread.create.linux", &s);
		SERIES_RUN(s.ticks, s.batches, s.iterations, by_thread());
		print("sthread.create.thread", &s);
	}
	if (app_wanted(options, "switch")) {
		switch_linux("sthread.switch.linux", &s);
	}
}

static void create(const struct sthread_policy *policy)
{
	struct sthread *s;

	app_must(sthread_create(&s, policy, -1, inside_nothing, NULL), "sthread_create");
	if (sthread_run(s) != STHREAD_ENDED)
		app_fail("an empty function did not end", 0);
	app_must(sthread_free(s, NULL), "sthread_free");
}

static void create_fresh(const struct sthread_policy *policy)
{
	create(policy);
	app_must(sthread_forget(), "sthread_forget");
}

static void go(struct sthread *s)
{
	if (sthread_run(s) != STHREAD_YIELDED)
		app_fail("a compartment did not yield", 0);
}

void bench_dune(const struct app_options *options)
{
	static struct sthread_policy policy;
	static struct tag tag;
	static struct series s;
	struct sthread *pair[2];
	unsigned int i;

	app_must(tag_new(&tag, 4 * PAGE), "tag_new");
	policy = (struct sthread_policy){ .tags = { { &tag, true, true } }, .n_tags = 1 };
	s = (struct series){ .batches = options->batches, .iterations = iterations(options) };
	if (app_wanted(options, "create")) {
		SERIES_RUN(s.ticks, s.batches, s.iterations, create(&policy));
		print("sthread.create.dune", &s);
		SERIES_RUN(s.ticks, s.batches, s.iterations, create_fresh(&policy));
		print("sthread.create.dune_fresh", &s);
	}
	if (app_wanted(options, "switch")) {
		for (i = 0; i < 2; i++)
			app_must(sthread_create(&pair[i], &policy, -1, inside_yield, NULL),
				 "sthread_create");
		SERIES_RUN(s.ticks, s.batches, s.iterations, go(pair[i & 1]));
		print("sthread.switch.dune", &s);
	}
}
