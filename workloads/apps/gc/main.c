// SPDX-License-Identifier: MIT
/* What a collector gains that sees page tables: programs on Boehm's, natively and in Dune mode. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apps/gc/gc_app.h"
#include "micro/series.h"

static const char help[] =
	"usage: app-gc [OPTION]...\n"
	"Programs that live on Debian's Boehm collector, with each way for it to learn which\n"
	"pages were written since it collected last. dune.ko is loaded.\n"
	"\n"
	"  --quick      small sizes\n"
	"  --batches N  runs of each in a process, one after the other (2)\n"
	"  --seed N     ignored: the programs make their own\n"
	"  --only NAME  gcbench, list, map or xml\n"
	"  --help       this text\n"
	"\n"
	"A line each: gc.NAME.WAY iterations 1 ticks T... empty 0...; a tick is the TSC's.\n"
	"  stop       natively, each collection marks all\n"
	"  linux      natively, generational: mprotect and SIGSEGV\n"
	"  dune_stop  as stop, in Dune mode\n"
	"  dune       generational: page protection and page faults of libdune\n"
	"  dune_dirty the dirty bits of its page tables\n"
	"  dune_tlb   the same, and it marks in page tables with large pages\n"
	"Status 0: done; 2: bad command line; 3: results differ, or an object was lost.\n";

static const struct {
	const char *name;
	uint64_t (*run)(unsigned int size);
	unsigned int quick, full;
} programs[] = {
	{ "gcbench", program_gcbench, 1, 4 },
	{ "list", program_list, 1, 6 },
	{ "map", program_map, 1, 8 },
	{ "xml", program_xml, 1, 8 },
};

static const char *const ways[WAYS] = {
	"stop", "linux", "dune_stop", "dune", "dune_dirty", "dune_tlb"
};

/* What a child leaves. */
static struct result {
	uint64_t ticks[BATCHES_MAX], found;
} *result;

void program_expect(bool true_, const char *what)
{
	if (!true_)
		app_fail(what, 0);
}

static _Noreturn void child(unsigned int program, enum way way, const struct app_options *options)
{
	unsigned int size = options->quick ? programs[program].quick : programs[program].full, b;

	dirty_begin(way);
	for (b = 0; b < options->batches; b++) {
		uint64_t start = ticks_read();

		result->found = programs[program].run(size);
		result->ticks[b] = ticks_read() - start;
	}
	_exit(0);
}

static void measure(unsigned int program, const struct app_options *options)
{
	uint64_t found = 0;
	char name[64];
	int way;

	for (way = 0; way < WAYS; way++) {
		static struct series s;
		int status;
		pid_t pid = fork();

		if (!pid)
			child(program, way, options);
		snprintf(name, sizeof(name), "gc.%s.%s", programs[program].name, ways[way]);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			app_fail(name, 0);
		if (way && result->found != found)
			app_fail("the ways differ in what the program found", 0);
		found = result->found;
		s = (struct series){ .batches = options->batches, .iterations = 1 };
		memcpy(s.ticks, result->ticks, sizeof(s.ticks));
		series_print(name, &s);
	}
}

int main(int argc, char **argv)
{
	struct app_options options;
	unsigned int i;

	app_options(argc, argv, help, 2, &options);
	result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (result == MAP_FAILED)
		app_fail("mmap", errno);
	app_pin(0);
	for (i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		if (app_wanted(&options, programs[i].name))
			measure(i, &options);
	return 0;
}
