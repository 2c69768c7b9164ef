// SPDX-License-Identifier: MIT
/* A program with the runtime, for `dune rt run': a task on each core until a line comes. */
#include <dune.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile int over;

static void say(const char *text)
{
	if (write(1, text, strlen(text)) < 0)
		over = 1;
}

static void *works(void *arg)
{
	if (isatty(1)) /* in ring 0: this thread's calls are hooked */
		say("terminal\n");
	while (!over) {
		say(arg);
		dune_rt_sleep_until(dune_rt_now() + 100000000);
	}
	return NULL;
}

int main(void)
{
	char line[64], *block;
	int error;

	error = dune_init(NULL);
	if (!error)
		error = dune_rt_start(NULL);
	if (error) {
		fprintf(stderr, "rt-probe: %s\n", strerror(-error));
		return 1;
	}
	block = dune_rt_memory(3 << 20, 2 << 20);
	printf("memory %s\n", block ? "there" : "none");
	fflush(stdout);
	dune_rt_spawn(NULL, works, "a\n", NULL);
	dune_rt_spawn(NULL, works, "b\n", NULL);
	if (read(0, line, sizeof(line)) < 0)
		return 1;
	over = 1;
	dune_rt_wait();
	error = dune_rt_stop();
	say("over\n");
	return error ? 1 : 5;
}
