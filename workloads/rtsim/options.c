// SPDX-License-Identifier: MIT
/* Reading and explaining the simulator's command line. */
#include "rtsim/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char options_help[] =
	"usage: rt-sim --policy NAME [options]\n"
	"A scheduling policy of the runtime in virtual time, under open arrivals.\n"
	"\n"
	"  --policy NAME        one of those that --list shows\n"
	"  --cores K            1 to 64 (1)\n"
	"  --law LAW            service times: fixed:S, exp:S, lognormal:S:D, mix:P*S,P*S...\n"
	"                       or w1 to w12; microseconds (exp:10)\n"
	"  --stretch X          every size of the law times X (1)\n"
	"  --load RHO           share of the cores' time that service takes (0.8)\n"
	"  --arrival poisson|fixed  gaps between requests (poisson)\n"
	"  --quantum T          microseconds, for policies that have one\n"
	"  --period T           from one ring of a core's timer to the next, where quanta follow\n"
	"                       each other; dispatch is part of a quantum then (0: it is not)\n"
	"  --reserve N,N...     cores reserved for class 0, 1..., for policies that reserve\n"
	"  --deadline F         deadline of a request: F times the mean size of its class (10)\n"
	"  --requests N         measured requests (1000000)\n"
	"  --warmup N           requests before them (a tenth of --requests)\n"
	"  --seed N             of everything random (1)\n"
	"  --submit-cost T      microseconds that who makes requests needs for each (0)\n"
	"  --kick-cost T        and, in addition, when that interrupts a core (0)\n"
	"  --wake-cost T        before a task, in addition, when its core was idle (0); below 0,\n"
	"                       where that is quicker, down to --dispatch-cost\n"
	"  --dispatch-cost T    before a task begins or goes on (0)\n"
	"  --steal-cost T       in addition, when it comes from another core's queue (0)\n"
	"  --preempt-cost T     in addition, when another was interrupted for it (0)\n"
	"  --interrupt-cost T   instead of that, when it was for an arrival (--preempt-cost)\n"
	"  --reach-cost T       until that interrupt is there; the core goes on meanwhile (0)\n"
	"  --resume-cost T      when who had to go for an arrival goes on (0)\n"
	"  --arm-cost T         before a quantum, when no timer of the core's is to ring (0)\n"
	"  --lapse-cost T       when a quantum is over and nobody waits (0)\n"
	"  --stale-cost T       of a timer that rings for a quantum cut short by an end (0)\n"
	"  --hlog FILE          write the histograms of sojourn (ns) and slowdown (1/1000) there\n"
	"  --json               one JSON object instead of a table; times in nanoseconds\n"
	"  --list               policies and named laws\n"
	"\n"
	"Time is virtual and exact; nothing depends on this machine. Class is priority, 0 first;\n"
	"hints of size are true. Status 0: done; 2: bad command line or refused parameters.\n";

static void __attribute__((noreturn, format(printf, 1, 2))) usage(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, list);
	fprintf(stderr, "; see %s --help\n", program_invocation_short_name);
	va_end(list);
	exit(2);
}

static uint64_t whole(const char *option, const char *text, uint64_t least, uint64_t most)
{
	unsigned long long value = 0;
	size_t i, len = strlen(text);

	for (i = 0; i < len && text[i] >= '0' && text[i] <= '9' && value < 1ull << 59; i++)
		value = value * 10 + (unsigned long long)(text[i] - '0');
	if (!len || i < len || value < least || value > most)
		usage("--%s %s: expected a whole number from %llu to %llu", option, text,
		      (unsigned long long)least, (unsigned long long)most);
	return value;
}

static double decimal(const char *option, const char *text, double least, double most)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= least && value <= most))
		usage("--%s %s: expected a number from %g to %g", option, text, least, most);
	return value;
}

static uint64_t microseconds(const char *option, const char *text, double least)
{
	return (uint64_t)(decimal(option, text, least, 1e8) * 1e3 + 0.5);
}

static void policy(struct options *options, const char *name)
{
	size_t i;

	options->spec.policy = rt_policy_find(name);
	if (options->spec.policy)
		return;
	fprintf(stderr, "%s: --policy %s: known are", program_invocation_short_name, name);
	for (i = 0; rt_policies[i]; i++)
		fprintf(stderr, " %s", rt_policies[i]->name);
	fputs("\n", stderr);
	exit(2);
}

static void reserve(struct rt_params *params, char *text)
{
	uint32_t i = 0;
	char *word;

	for (word = strtok(text, ","); word; word = strtok(NULL, ",")) {
		if (i == RT_CLASSES_MAX)
			usage("--reserve: there are at most %u classes", RT_CLASSES_MAX);
		params->reserved[i++] = (uint32_t)whole("reserve", word, 0, RT_CORES_MAX);
	}
	if (!i)
		usage("--reserve: expected numbers of cores");
}

static void __attribute__((noreturn)) list(void)
{
	size_t i;

	for (i = 0; rt_policies[i]; i++)
		printf("%-10s %s\n", rt_policies[i]->name, rt_policies[i]->summary);
	printf("\n");
	for (i = 0; law_named[i].name; i++)
		printf("%-4s %-46s %s\n", law_named[i].name, law_named[i].text, law_named[i].what);
	exit(0);
}

static void server(struct options *options, const char *name)
{
	static const char *const names[] = { "rt", "other", "fifo" };
	int i;

	for (i = 0; i < 3 && strcmp(name, names[i]); i++)
		;
	if (i == 3)
		usage("--server %s: known are rt, other, fifo", name);
	options->server = (enum options_server)(SERVER_RT + i);
}

/* A machine's costs are what they are; the simulator has no machine. */
static void belongs(const struct options *options, const char *option)
{
	const bool cost = strstr(option, "-cost") || !strcmp(option, "period");

	if (options->server != SERVER_NONE && cost)
		usage("--%s: costs are the machine's", option);
	if (options->server == SERVER_NONE && !cost)
		usage("--%s: there is no machine here, only spin has one", option);
}

static void set(struct options *options, int which, char *text)
{
	struct sim_spec *spec = &options->spec;
	const char *wrong;

	switch (which) {
	case 'p':
		policy(options, text);
		break;
	case 'k':
		spec->params.cores = (uint32_t)whole("cores", text, 1, RT_CORES_MAX);
		break;
	case 'l':
		wrong = law_parse(&options->law, text);
		if (wrong)
			usage("--law %s: %s", text, wrong);
		options->law_text = text;
		break;
	case 'x':
		options->stretch = decimal("stretch", text, 0.001, 1000.0);
		break;
	case 'r':
		options->load = decimal("load", text, 1e-6, 100.0);
		break;
	case 'a':
		if (strcmp(text, "poisson") && strcmp(text, "fixed"))
			usage("--arrival %s: known are poisson, fixed", text);
		options->arrival = text[0] == 'p' ? OPEN_POISSON : OPEN_FIXED;
		break;
	case 'q':
		spec->params.quantum = microseconds("quantum", text, 0.001);
		break;
	case 'Q':
		spec->period_ns = microseconds("period", text, 0.001);
		break;
	case 'v':
		reserve(&spec->params, text);
		break;
	case 'd':
		options->deadline_factor = decimal("deadline", text, 0.001, 1e6);
		break;
	case 'n':
		options->requests = whole("requests", text, 1, 1000000000);
		break;
	case 'w':
		options->warmup = whole("warmup", text, 0, 1000000000);
		break;
	case 's':
		options->seed = whole("seed", text, 0, UINT32_MAX);
		break;
	case '1':
		spec->dispatch_ns = microseconds("dispatch-cost", text, 0.0);
		break;
	case '2':
		spec->steal_ns = microseconds("steal-cost", text, 0.0);
		break;
	case '3':
		spec->preempt_ns = microseconds("preempt-cost", text, 0.0);
		break;
	case '4':
		spec->submit_ns = microseconds("submit-cost", text, 0.0);
		break;
	case '5':
		spec->wake_ns = (int64_t)microseconds("wake-cost", text + (text[0] == '-'), 0.0);
		if (text[0] == '-')
			spec->wake_ns = -spec->wake_ns;
		break;
	case '6':
		spec->kick_ns = microseconds("kick-cost", text, 0.0);
		break;
	case '7':
		spec->interrupt_ns = microseconds("interrupt-cost", text, 0.0);
		break;
	case '8':
		spec->lapse_ns = microseconds("lapse-cost", text, 0.0);
		break;
	case '9':
		spec->stale_ns = microseconds("stale-cost", text, 0.0);
		break;
	case 'R':
		spec->reach_ns = microseconds("reach-cost", text, 0.0);
		break;
	case 'M':
		spec->resume_ns = microseconds("resume-cost", text, 0.0);
		break;
	case 'A':
		spec->arm_ns = microseconds("arm-cost", text, 0.0);
		break;
	case 'S':
		server(options, text);
		break;
	case 'C':
		options->cpu = (uint32_t)whole("cpu", text, 0, 1023);
		break;
	case 'T':
		options->threads = (uint32_t)whole("threads", text, 1, 1024);
		break;
	case 'H':
		options->hlog = text;
		break;
	case 'j':
		options->json = true;
		break;
	case 'L':
		list();
	case 'h':
		fputs(options->help, stdout);
		exit(0);
	default:
		fprintf(stderr, "see %s --help\n", program_invocation_short_name);
		exit(2);
	}
}

void options_parse(struct options *options, int argc, char **argv, const char *help, bool machine)
{
	static const struct option known[] = {
		{ "policy", required_argument, NULL, 'p' },
		{ "cores", required_argument, NULL, 'k' },
		{ "law", required_argument, NULL, 'l' },
		{ "stretch", required_argument, NULL, 'x' },
		{ "load", required_argument, NULL, 'r' },
		{ "arrival", required_argument, NULL, 'a' },
		{ "quantum", required_argument, NULL, 'q' },
		{ "period", required_argument, NULL, 'Q' },
		{ "reserve", required_argument, NULL, 'v' },
		{ "deadline", required_argument, NULL, 'd' },
		{ "requests", required_argument, NULL, 'n' },
		{ "warmup", required_argument, NULL, 'w' },
		{ "seed", required_argument, NULL, 's' },
		{ "submit-cost", required_argument, NULL, '4' },
		{ "kick-cost", required_argument, NULL, '6' },
		{ "interrupt-cost", required_argument, NULL, '7' },
		{ "reach-cost", required_argument, NULL, 'R' },
		{ "resume-cost", required_argument, NULL, 'M' },
		{ "arm-cost", required_argument, NULL, 'A' },
		{ "lapse-cost", required_argument, NULL, '8' },
		{ "stale-cost", required_argument, NULL, '9' },
		{ "wake-cost", required_argument, NULL, '5' },
		{ "dispatch-cost", required_argument, NULL, '1' },
		{ "steal-cost", required_argument, NULL, '2' },
		{ "preempt-cost", required_argument, NULL, '3' },
		{ "server", required_argument, NULL, 'S' },
		{ "cpu", required_argument, NULL, 'C' },
		{ "threads", required_argument, NULL, 'T' },
		{ "hlog", required_argument, NULL, 'H' },
		{ "json", no_argument, NULL, 'j' },
		{ "list", no_argument, NULL, 'L' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int which, place;

	*options = (struct options){ .help = help, .load = 0.8, .stretch = 1.0,
				     .deadline_factor = 10.0,
				     .requests = 1000000, .warmup = UINT64_MAX, .seed = 1,
				     .law_text = "exp:10",
				     .spec.params.cores = 1 };
	law_parse(&options->law, options->law_text);
	options->spec.interrupt_ns = UINT64_MAX;
	options->server = machine ? SERVER_RT : SERVER_NONE;
	while ((which = getopt_long(argc, argv, "", known, &place)) >= 0) {
		if (strchr("123456789AMQRSCT", which))
			belongs(options, known[place].name);
		set(options, which, optarg);
	}
	if (optind < argc)
		usage("%s: there are only options", argv[optind]);
	if (!options->spec.policy)
		usage("--policy is missing");
	if (options->spec.wake_ns < -(int64_t)options->spec.dispatch_ns)
		usage("--wake-cost: less than --dispatch-cost allows");
	if (options->spec.interrupt_ns == UINT64_MAX)
		options->spec.interrupt_ns = options->spec.preempt_ns;
	law_stretch(&options->law, options->stretch);
	options->spec.params.classes = options->law.classes;
	options->spec.seed = options->seed;
	if (options->warmup == UINT64_MAX)
		options->warmup = options->requests / 10;
	/* Times are kept in whole nanoseconds: 2^53 of them are exact. */
	if ((double)(options->requests + options->warmup) * options->law.mean_ns /
	    (options->load * options->spec.params.cores) > 8e15)
		usage("--requests at this --load and --law would take more than 92 days");
}
