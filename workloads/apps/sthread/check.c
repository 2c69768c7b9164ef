// SPDX-License-Identifier: MIT
/* The walls of compartments, tried before anything is measured. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "apps/sthread/bench.h"
#include "apps/sthread/inside.h"
#include "apps/sthread/sthread.h"

static struct tag own, other;
static struct sthread_policy reader, writer, keeper;
static struct tag large;
static struct sthread_policy cleaner, caller;
static struct tag large;
static struct sthread_policy cleaner, caller;
static long global = 7;

#define LARGE (1200ul * REQUEST_MAX)

extern const char __stop_sthread_const[];

static void expect(bool true_, const char *what)
{
	if (!true_)
		app_fail(what, 0);
}

/* Run function(arg) to its end: how it ended. */
static enum sthread_state run(const struct sthread_policy *policy, void (*function)(void *),
			      void *arg, unsigned int *dirty)
{
	enum sthread_state state;
	struct sthread *s;

	app_must(sthread_create(&s, policy, -1, function, arg), "sthread_create");
	state = sthread_run(s);
	if (state == STHREAD_FAULTED && sthread_fault(s) != (uint64_t)arg)
		app_fail("a compartment faulted elsewhere", 0);
	app_must(sthread_free(s, dirty), "sthread_free");
	return state;
}

/* What one compartment leaves to the next, and what shares pages with what is shown. */
static void more(void)
{
	const char *behind = __stop_sthread_const;
	struct sthread *s;

	app_must(tag_new(&large, LARGE), "tag_new");
	cleaner = (struct sthread_policy){ .tags = { { &large, true, true } }, .n_tags = 1 };
	caller = (struct sthread_policy){ .calls = { SYS_lseek }, .n_calls = 1 };
	run(&writer, inside_vectors_fill, NULL, NULL);
	expect(run(&keeper, inside_vectors_show, own.memory, NULL) == STHREAD_ENDED &&
		       !*(long *)own.memory, "vector registers are the last compartment's");
	expect(run(&cleaner, inside_store, large.memory + LARGE - REQUEST_MAX, NULL) ==
			       STHREAD_ENDED &&
		       !*(long *)(large.memory + LARGE - REQUEST_MAX),
	       "the end of a large tag is not cleaned");
	expect(sthread_create(&s, &caller, -1, inside_nothing, NULL) == -EINVAL,
	       "a call that nothing checks can be given");
	while ((uintptr_t)behind % REQUEST_MAX && !*behind)
		behind++;
	/* There is something else on the page. */
	if ((uintptr_t)behind % REQUEST_MAX) {
		*(const char **)own.memory = behind;
		expect(run(&keeper, inside_peek, own.memory, NULL) == STHREAD_ENDED &&
			       !*(long *)own.memory, "what lies behind constants is readable");
	}
}

void check_walls(void)
{
	unsigned int dirty;
	long stack = 1;

	app_must(tag_new(&own, 2 * REQUEST_MAX), "tag_new");
	app_must(tag_new(&other, REQUEST_MAX), "tag_new");
	reader = (struct sthread_policy){ .tags = { { &own, false, false } }, .n_tags = 1 };
	writer = (struct sthread_policy){ .tags = { { &own, true, true } }, .n_tags = 1 };
	keeper = (struct sthread_policy){ .tags = { { &own, true, false } }, .n_tags = 1 };
	expect(run(&reader, inside_load, own.memory, NULL) == STHREAD_ENDED,
	       "own tag not readable");
	expect(run(&writer, inside_store, own.memory, NULL) == STHREAD_ENDED,
	       "own tag not writable");
	expect(run(&reader, inside_store, own.memory, NULL) == STHREAD_FAULTED,
	       "a tag for reading is writable");
	expect(run(&writer, inside_load, other.memory, NULL) == STHREAD_FAULTED,
	       "a tag that was not given is readable");
	expect(run(&writer, inside_load, &global, NULL) == STHREAD_FAULTED,
	       "the program's data are readable");
	expect(run(&writer, inside_load, &stack, NULL) == STHREAD_FAULTED,
	       "the program's stack is readable");
	expect(run(&writer, inside_store, (void *)inside_store, NULL) == STHREAD_FAULTED,
	       "code is writable");
	expect(run(&writer, (void (*)(void *))(uintptr_t)memset, (void *)(uintptr_t)memset, NULL) ==
		       STHREAD_FAULTED, "other code is executable");
	expect(run(&keeper, inside_call, own.memory, NULL) == STHREAD_ENDED &&
		       *(long *)own.memory == -EPERM, "a call that was not given is performed");
	expect(run(&writer, inside_fill, own.memory, &dirty) == STHREAD_ENDED && dirty == 3,
	       "not the two pages and the stack's were dirty");
	expect(!*(long *)own.memory && !*(long *)(own.memory + REQUEST_MAX),
	       "what was written is still there");
	more();
}
