// SPDX-License-Identifier: MIT
/* A program with the runtime that ends as its argument says: as no program should. */
#include <dune.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *how;

static int deeper(volatile char *above)
{
	volatile char here[512];

	here[0] = *above;
	return here[0] ? deeper(here) + here[0] : 0;
}

static void *goes_wrong(void *arg)
{
	char first = 1;

	if (!strcmp(how, "fault"))
		*(volatile int *)8 = 1;
	if (!strcmp(how, "overflow"))
		return deeper(&first) ? arg : NULL;
	if (!strcmp(how, "divide"))
		asm volatile("xor %%ecx, %%ecx\n\tdiv %%ecx" ::: "rax", "rcx", "rdx");
	dune_rt_hold();
	if (!strcmp(how, "exit"))
		_exit(7);
	if (!strcmp(how, "spin")) {
		asm volatile("cli");
		for (;;)
			asm volatile("" ::: "memory");
	}
	return arg; /* held: its section ends with it */
}

static void *says(void *arg)
{
	puts(arg);
	fflush(stdout);
	return arg;
}

static void *sleeps(void *arg)
{
	dune_rt_sleep_until(dune_rt_now() + 3600ull * 1000000000);
	return arg;
}

int main(int argc, char **argv)
{
	struct dune_rt_attr attr = { .version = DUNE_RT_VERSION, .size = sizeof(attr) };
	const char *why = "";
	int error, i;

	how = argc > 1 ? argv[1] : "";
	error = dune_init(NULL);
	if (!error)
		error = dune_rt_start(NULL);
	if (!error && !strcmp(how, "edf")) {
		/* Three that want all of a core each, of which there are two. */
		attr.cost = attr.within = attr.period = 1000000;
		attr.why = &why;
		for (i = 0; !error && i < 3; i++)
			error = dune_rt_spawn(NULL, sleeps, NULL, &attr);
	}
	if (error) {
		fprintf(stderr, "rt-badly: %s: %s\n", strerror(-error), why);
		return 3;
	}
	if (!strcmp(how, "spin"))
		puts("spins");
	fflush(stdout);
	attr.name = "bad";
	dune_rt_spawn(NULL, goes_wrong, NULL, &attr);
	dune_rt_wait();
	dune_rt_spawn(NULL, says, "the next task runs", NULL);
	dune_rt_wait();
	return dune_rt_stop() ? 1 : 0;
}
