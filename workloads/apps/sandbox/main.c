// SPDX-License-Identifier: MIT
/* What confining programs costs: the same ones natively and by `dune run --policy`, in ticks. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apps/sandbox/sandbox.h"
#include "micro/series.h"

static const char help[] =
	"usage: app-sandbox [OPTION]...\n"
	"Run unmodified programs natively and in ring 3 under a policy (dune run --policy),\n"
	"compare what they write byte by byte, and print the ticks of both. Also lighttpd,\n"
	"under load from 1 and 100 clients. dune.ko is loaded; programs and files are\n"
	"those that `apps.needs()` of the harness puts into a guest.\n"
	"\n"
	"  --quick      small inputs\n"
	"  --batches N  runs of each (1)\n"
	"  --seed N     of the inputs (1)\n"
	"  --only NAME  one of them, as gzip, or lighttpd\n"
	"  --help       this text\n"
	"\n"
	"A line each: sandbox.NAME.SYSTEM iterations 1 ticks T... empty 0...; SYSTEM is linux or\n"
	"dune, a tick the TSC's. sandbox.start is a program that does nothing;\n"
	"sandbox.lighttpdC is a request of C clients', each with one on its way.\n"
	"Status 0: done; 2: bad command line; 3: something is missing, or output differs.\n";

static const char *const systems[] = { "linux", "dune" };

/* What the programs need, and not more. */
static const char policy[] =
	"read /lib\nread /lib64\nread /usr\nread /etc/ssl\nread /etc/perl\nread /apps\n"
	"read /lab/bin/app-cpu\n"
	"read " SANDBOX_IN "\nread /dev/null\nwrite /dev/null\n"
	"write " SANDBOX_DIR "/dune\n"
	"exec /bin\nexec /usr/bin\nexec /usr/sbin\nexec /usr/lib/gcc\nprocesses\n"
	"bind 127.0.0.1:8080\n";

static void where(char *path, size_t size, const char *system, const char *file)
{
	snprintf(path, size, SANDBOX_DIR "/%s/%s", system, file);
}

static uint64_t run(const struct item *item, bool dune)
{
	const char *argv[ARGS_MAX + 6] = { "dune", "run", "--policy", SANDBOX_POLICY, "--" };
	char dir[64], out[64], in[64], what[128];
	struct app_run what_to_run = { .argv = (char *const *)argv, .dir = dir, .out = out,
				       .small_pages = item->small_pages };
	int n = dune ? 5 : 0, i, status;
	uint64_t ticks;

	for (i = 0; item->argv[i]; i++)
		argv[n++] = item->argv[i];
	argv[n] = NULL;
	where(dir, sizeof(dir), systems[dune], "");
	where(out, sizeof(out), systems[dune], "output");
	if (item->in) {
		snprintf(in, sizeof(in), SANDBOX_IN "/%s", item->in);
		what_to_run.in = in;
	}
	ticks = app_run(&what_to_run, &status);
	/* picosat's status is its answer. */
	if (!WIFEXITED(status) || (WEXITSTATUS(status) && WEXITSTATUS(status) != 10 &&
				   WEXITSTATUS(status) != 20)) {
		size_t size;
		char *said = app_read(out, &size);

		fwrite(said, 1, size, stderr);
		snprintf(what, sizeof(what), "%s (%s) ended with status %#x", item->name,
			 systems[dune], status);
		app_fail(what, 0);
	}
	return ticks;
}

static void compare(const struct item *item, const char *file)
{
	char path[2][64], what[128];
	size_t size[2];
	char *data[2];
	int i;

	for (i = 0; i < 2; i++) {
		where(path[i], sizeof(path[i]), systems[i], file);
		data[i] = app_read(path[i], &size[i]);
	}
	snprintf(what, sizeof(what), "%s: %s differs", item->name, file);
	if (size[0] != size[1] || memcmp(data[0], data[1], size[0]))
		app_fail(what, 0);
	snprintf(what, sizeof(what), "%s: %s is empty", item->name, file);
	if (!size[0] && item->argv[1])
		app_fail(what, 0);
	free(data[0]);
	free(data[1]);
}

static void measure(const struct app_options *options, const struct item *item)
{
	static struct series series[2];
	char name[64];
	unsigned int b;
	int i;

	for (b = 0; b < options->batches; b++) {
		for (i = 0; i < 2; i++)
			series[i].ticks[b] = run(item, i);
		compare(item, item->made ? item->made : "output");
	}
	for (i = 0; i < 2; i++) {
		series[i].batches = options->batches;
		series[i].iterations = 1;
		snprintf(name, sizeof(name), "sandbox.%s.%s", item->name, systems[i]);
		series_print(name, &series[i]);
	}
}

int main(int argc, char **argv)
{
	static const struct item start = { "start", { "/lab/bin/app-cpu" }, NULL, NULL, false };
	struct app_options options;
	unsigned int i;

	app_options(argc, argv, help, 1, &options);
	inputs_make(&options);
	app_write(SANDBOX_POLICY, policy, sizeof(policy) - 1);
	mkdir(SANDBOX_DIR "/linux", 0755);
	mkdir(SANDBOX_DIR "/dune", 0755);
	setenv("OPENSSL_CONF", "/etc/ssl/openssl.cnf", 1);
	setenv("LC_ALL", "C", 1);
	setenv("TMPDIR", ".", 1);
	app_pin(0);
	if (app_wanted(&options, "start"))
		measure(&options, &start);
	for (i = 0; i < items_n; i++)
		if (app_wanted(&options, items[i].name))
			measure(&options, &items[i]);
	sandbox_server(&options);
	return 0;
}
