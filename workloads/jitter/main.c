// SPDX-License-Identifier: MIT
/* The probes' options, and what is made ready before they run. */
#include <dune.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "jitter/jitter.h"
#include "lib/clock.h"

static const char help[] =
	"usage: jitter spin|wake [options]\n"
	"Measure what a CPU takes from the program that runs on it.\n"
	"\n"
	"  spin   look at the TSC in a loop: each gap is an interruption, with its time and\n"
	"         length, and the interrupts that Linux counted meanwhile\n"
	"  wake   sleep until the next period, over and over: how late it wakes\n"
	"\n"
	"  --cpu N            run there (0)\n"
	"  --dune             in ring 0 of a VM; dune.ko is loaded\n"
	"  --rt               there, as a task of libdune's runtime on that CPU; the rest of\n"
	"                     the program is on CPU 0, or where `dune rt run` has put it\n"
	"  --duration-ms N    of spin (1000)\n"
	"  --warmup-ms N      of spin, before it counts (100)\n"
	"  --threshold N      ticks from which on a gap counts (200)\n"
	"  --interval-us N    of wake (1000)\n"
	"  --cycles N         periods of wake (1000)\n"
	"  --system WORD      goes into the result\n"
	"  --out PREFIX       PREFIX.json; of wake also .hgrm, .hlog, .cyclictest.json\n"
	"                     (default: jitter)\n"
	"  --help             this text\n"
	"\n"
	"With the right to it, memory is locked and the priority SCHED_FIFO's 95; the result\n"
	"says whether. Status 0: done; 2: bad command line; 3: it could not be measured.\n";

void fail(int status, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "jitter: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(status);
}

static uint64_t number(const char *name, const char *text, uint64_t low, uint64_t high)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (end == text || *end || *text == '-' || errno || value < low || value > high)
		fail(FAIL_USAGE, "--%s %s: want a whole number from %" PRIu64 " to %" PRIu64,
		     name, text, low, high);
	return value;
}

static const struct option long_options[] = {
	{ "cpu", required_argument, NULL, 'c' },
	{ "dune", no_argument, NULL, 'd' },
	{ "rt", no_argument, NULL, 'r' },
	{ "duration-ms", required_argument, NULL, 'm' },
	{ "warmup-ms", required_argument, NULL, 'w' },
	{ "threshold", required_argument, NULL, 't' },
	{ "interval-us", required_argument, NULL, 'i' },
	{ "cycles", required_argument, NULL, 'n' },
	{ "system", required_argument, NULL, 's' },
	{ "out", required_argument, NULL, 'o' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* A word that may stand in JSON as it is. */
static const char *word(const char *text)
{
	if (text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-+._")])
		fail(FAIL_USAGE, "--system %s: want letters, digits and -", text);
	return text;
}

static void parse(struct options *options, int argc, char **argv)
{
	uint64_t *const duration = &options->duration;
	int option, index = 0;

	while ((option = getopt_long(argc, argv, "", long_options, &index)) != -1) {
		const char *name = long_options[index].name;

		switch (option) {
		case 'c':
			options->cpu = (int)number(name, optarg, 0, CPU_SETSIZE - 1);
			break;
		case 'd':
			options->dune = true;
			break;
		case 'r':
			options->dune = options->rt = true;
			break;
		case 'm':
			*duration = number(name, optarg, 1, 86400000);
			break;
		case 'w':
			options->warmup = number(name, optarg, 0, 60000);
			break;
		case 't':
			options->threshold = number(name, optarg, 1, 1000000000);
			break;
		case 'i':
			options->interval_us = number(name, optarg, 1, 60000000);
			break;
		case 'n':
			options->cycles = number(name, optarg, 1, 1000000000);
			break;
		case 's':
			options->system = word(optarg);
			break;
		case 'o':
			options->out = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			exit(FAIL_USAGE);
		}
	}
	if (optind + 1 != argc || (strcmp(argv[optind], "spin") && strcmp(argv[optind], "wake")))
		fail(FAIL_USAGE, "want one of spin, wake; see jitter --help");
	options->probe = argv[optind];
}

/* Ticks of the TSC in a second of the clock's. */
static double tick_hz(void)
{
	const uint64_t begin_ns = clock_ns(), begin = __builtin_ia32_rdtsc();
	uint64_t ns;

	do
		ns = clock_ns() - begin_ns;
	while (ns < 20000000);
	return (double)(__builtin_ia32_rdtsc() - begin) * 1e9 / (double)ns;
}

static void settle(const struct options *options, struct measured *measured)
{
	const struct sched_param param = { .sched_priority = PRIORITY };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(options->rt ? 0 : options->cpu, &set);
	/* `dune rt run` has given us our cores: the thread that waits for the task does not run. */
	if (!rt_given() && sched_setaffinity(0, sizeof(set), &set))
		fail(FAIL_USAGE, "--cpu %d: cannot run there: %s", options->cpu, strerror(errno));
	measured->locked = !mlockall(MCL_CURRENT | MCL_FUTURE);
	/* The runtime's core has its CPU for itself. */
	measured->realtime = options->rt || !sched_setscheduler(0, SCHED_FIFO, &param);
}

static void must(int error, const char *what)
{
	if (error)
		fail(FAIL_MEASUREMENT, "--dune: %s: %s%s", what, strerror(-error),
		     error == -ENOENT ? " (no /dev/dune: load dune.ko first)" : "");
}

static uint64_t exits(const struct options *options)
{
	struct dune_counters counters = { 0 };

	if (options->dune)
		must(dune_counters_get(&counters), "counters");
	return counters.entries;
}

static struct spin spin;
static struct wake wake;

struct job {
	const struct options *options;
	struct measured *measured;
};

static void probe(void *arg)
{
	const struct job *job = arg;
	const struct options *options = job->options;
	struct measured *measured = job->measured;

	/* Every page is there before it counts, in the VM, too. */
	memset(&spin, 1, sizeof(spin));
	memset(&wake, 1, sizeof(wake));
	measured->exits = exits(options);
	if (!strcmp(options->probe, "spin")) {
		measured->spin = &spin;
		spin_run(&spin, options);
	} else {
		measured->wake = &wake;
		wake_run(&wake, options);
	}
	measured->exits = exits(options) - measured->exits;
}

int main(int argc, char **argv)
{
	struct options options = { .out = "jitter", .system = "", .duration = 1000,
				   .warmup = 100, .threshold = 200, .interval_us = 1000,
				   .cycles = 1000 };
	static struct interrupts before, after;
	struct measured measured = { .before = &before, .after = &after };
	struct job job = { &options, &measured };

	parse(&options, argc, argv);
	settle(&options, &measured);
	measured.tick_hz = tick_hz();
	options.duration = (uint64_t)((double)options.duration * measured.tick_hz / 1000);
	options.warmup = (uint64_t)((double)options.warmup * measured.tick_hz / 1000);
	if (options.dune)
		must(dune_init(NULL), "cannot use the module");
	interrupts_read(&before, options.cpu, !options.rt);
	if (options.rt) {
		rt_run(&options, probe, &job);
	} else {
		if (options.dune)
			must(dune_enter(), "cannot enter Dune mode");
		probe(&job);
		if (options.dune)
			dune_leave();
	}
	interrupts_read(&after, options.cpu, !options.rt);
	output_files(&options, &measured);
	return 0;
}
