// SPDX-License-Identifier: MIT
/* Reading and explaining the generator's command line. */
#include "kv/load/options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kv/load/fail.h"

const char *const load_mode_name[] = { "preload", "capacity", "run", "schedule" };

static const char help[] =
	"usage: kv-load preload|capacity|run|schedule [options]\n"
	"Load generator for memcached-protocol servers.\n"
	"\n"
	"  preload    store all records, then check that the server holds them\n"
	"  capacity   closed loop: keep --window requests outstanding, report the rate\n"
	"  run        open loop: send at the scheduled times whatever happens\n"
	"  schedule   print the schedule of a run and do nothing\n"
	"\n"
	"  --target HOST:PORT   IPv4 address and port (127.0.0.1:11211)\n"
	"  --transport tcp|udp  (tcp; preload always uses tcp)\n"
	"  --ring PATH          instead of sockets, the file of kv-server --ring PATH: request i\n"
	"                       goes through pair i mod n of its rings\n"
	"  --connections N      request i goes over connection i mod N (16)\n"
	"  --law usr|etc        sizes and share of SETs (usr)\n"
	"  --arrival poisson|fixed|etc  law of the gaps between requests (poisson)\n"
	"  --rate R             requests per second; run and schedule need it\n"
	"  --requests N         measured requests (20000)\n"
	"  --warmup N           requests before them that are not measured (2000)\n"
	"  --records N          records in the store (1000000)\n"
	"  --seed N             of everything random (1)\n"
	"  --window N           capacity: outstanding requests (number of connections)\n"
	"  --interval-ms N      length of an interval of PREFIX.hlog (100)\n"
	"  --drain-ms N         how long to wait for missing replies (5000)\n"
	"  --cpu N              pin to this CPU\n"
	"  --fifo N             SCHED_FIFO with this priority\n"
	"  --rt                 with --ring and --cpu: send and receive in a task of libdune's\n"
	"                       runtime, which has that CPU for itself; dune.ko is loaded\n"
	"  --out PREFIX         write PREFIX.json, PREFIX.hlog, PREFIX.hgrm, PREFIX.service.hgrm\n"
	"  --help               this text\n"
	"\n"
	"The summary (JSON) goes to stdout without --out. Status 0: done; 2: bad command\n"
	"line; 3: not a measurement (no connection, lost or wrong replies, overflow).\n";

static uint64_t number(const char *option, const char *text, uint64_t least, uint64_t most)
{
	unsigned long long value = 0;
	size_t i, len = strlen(text);

	for (i = 0; i < len && text[i] >= '0' && text[i] <= '9' && value < 1ull << 59; i++)
		value = value * 10 + (unsigned long long)(text[i] - '0');
	if (!len || i < len || value < least || value > most)
		fail(FAIL_USAGE, "--%s %s: expected a number from %llu to %llu", option, text,
		     (unsigned long long)least, (unsigned long long)most);
	return value;
}

static double rate(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= 0.001) || !(value <= 1e9))
		fail(FAIL_USAGE, "--rate %s: expected requests per second, 0.001 to 1e9", text);
	return value;
}

static int choice(const char *option, const char *text, const char *const *names, int n)
{
	char list[64] = "";
	int i;

	for (i = 0; i < n; i++) {
		if (!strcmp(text, names[i]))
			return i;
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
			 i ? ", " : "", names[i]);
	}
	fail(FAIL_USAGE, "%s %s: known are %s", option, text, list);
}

static void target(struct sockaddr_in *to, char *text)
{
	char *colon = strrchr(text, ':');

	to->sin_family = AF_INET;
	if (!colon)
		fail(FAIL_USAGE, "--target %s: expected HOST:PORT", text);
	*colon = '\0';
	if (inet_pton(AF_INET, text, &to->sin_addr) != 1)
		fail(FAIL_USAGE, "--target %s: expected an IPv4 address before the port", text);
	to->sin_port = htons((uint16_t)number("target", colon + 1, 1, 65535));
}

static void check(struct load_options *options)
{
	bool timed = options->mode == MODE_RUN || options->mode == MODE_SCHEDULE;

	if (timed && options->spec.rate == 0.0)
		fail(FAIL_USAGE, "%s needs --rate", load_mode_name[options->mode]);
	/* A closed loop takes only records and operations from its schedule, not the times. */
	if (!timed)
		options->spec.rate = 1e6;
	if (options->ring && options->udp)
		fail(FAIL_USAGE, "--ring and --transport exclude each other");
	if (options->rt && (!options->ring || options->cpu < 0))
		fail(FAIL_USAGE, "--rt needs --ring and --cpu");
	if (options->rt && options->priority)
		fail(FAIL_USAGE, "--fifo is for a thread of Linux's, --rt is none");
	if (!options->window)
		options->window = options->connections;
	options->spec.count = options->requests + options->warmup;
	/* Schedules are kept in whole nanoseconds: 2^53 of them are exact. */
	if ((double)options->spec.count / options->spec.rate > 4e6)
		fail(FAIL_USAGE, "--requests at this --rate would take more than 46 days");
}

void options_parse(struct load_options *options, int argc, char **argv)
{
	enum { TARGET, TRANSPORT, CONNECTIONS, LAW, ARRIVAL, RATE, REQUESTS, WARMUP, RECORDS,
	       SEED, WINDOW, INTERVAL_MS, DRAIN_MS, CPU, OUT, RING, FIFO, RT, HELP };
	static const struct option known[] = {
		{ "target", required_argument, NULL, TARGET },
		{ "transport", required_argument, NULL, TRANSPORT },
		{ "connections", required_argument, NULL, CONNECTIONS },
		{ "law", required_argument, NULL, LAW },
		{ "arrival", required_argument, NULL, ARRIVAL },
		{ "rate", required_argument, NULL, RATE },
		{ "requests", required_argument, NULL, REQUESTS },
		{ "warmup", required_argument, NULL, WARMUP },
		{ "records", required_argument, NULL, RECORDS },
		{ "seed", required_argument, NULL, SEED },
		{ "window", required_argument, NULL, WINDOW },
		{ "interval-ms", required_argument, NULL, INTERVAL_MS },
		{ "drain-ms", required_argument, NULL, DRAIN_MS },
		{ "cpu", required_argument, NULL, CPU },
		{ "out", required_argument, NULL, OUT },
		{ "ring", required_argument, NULL, RING },
		{ "fifo", required_argument, NULL, FIFO },
		{ "rt", no_argument, NULL, RT },
		{ "help", no_argument, NULL, HELP },
		{ 0 },
	};
	static const char *const transports[] = { "tcp", "udp" };
	static char default_target[] = "127.0.0.1:11211";
	struct schedule_spec *spec = &options->spec;
	int c;

	*options = (struct load_options){
		.connections = 16, .requests = 20000, .warmup = 2000, .interval_ms = 100,
		.drain_ms = 5000, .cpu = -1, .spec.seed = 1, .spec.records = 1000000,
	};
	target(&options->target, default_target);
	if (argc > 1 && !strcmp(argv[1], "--help")) {
		fputs(help, stdout);
		exit(0);
	}
	if (argc < 2)
		fail(FAIL_USAGE, "missing mode: preload, capacity, run or schedule");
	options->mode = (enum load_mode)choice("mode", argv[1], load_mode_name, 4);
	optind = 2;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:", known, NULL)) != -1) {
		switch (c) {
		case TARGET:
			target(&options->target, optarg);
			break;
		case TRANSPORT:
			options->udp = choice("--transport", optarg, transports, 2) == 1;
			break;
		case CONNECTIONS:
			options->connections =
				(unsigned int)number("connections", optarg, 1, 10000);
			break;
		case LAW:
			spec->law = (enum schedule_law)choice("--law", optarg, schedule_law_name,
							      LAW_COUNT);
			break;
		case ARRIVAL:
			spec->arrival = (enum schedule_arrival)choice(
				"--arrival", optarg, schedule_arrival_name, ARRIVAL_COUNT);
			break;
		case RATE:
			spec->rate = rate(optarg);
			break;
		case REQUESTS:
			options->requests = number("requests", optarg, 1, 100000000);
			break;
		case WARMUP:
			options->warmup = number("warmup", optarg, 0, 100000000);
			break;
		case RECORDS:
			spec->records = (uint32_t)number("records", optarg, 1, 1000000000);
			break;
		case SEED:
			spec->seed = number("seed", optarg, 0, 1ull << 58);
			break;
		case WINDOW:
			options->window = (unsigned int)number("window", optarg, 1, 60000);
			break;
		case INTERVAL_MS:
			options->interval_ms =
				(unsigned int)number("interval-ms", optarg, 1, 3600000);
			break;
		case DRAIN_MS:
			options->drain_ms = (unsigned int)number("drain-ms", optarg, 1, 3600000);
			break;
		case CPU:
			options->cpu = (int)number("cpu", optarg, 0, 1023);
			break;
		case OUT:
			options->out = optarg;
			break;
		case RING:
			options->ring = optarg;
			break;
		case FIFO:
			options->priority = (int)number("fifo", optarg, 1, 99);
			break;
		case RT:
			options->rt = true;
			break;
		case HELP:
			fputs(help, stdout);
			exit(0);
		case ':':
			fail(FAIL_USAGE, "%s needs an argument", argv[optind - 1]);
		default:
			fail(FAIL_USAGE, "unknown option %s", argv[optind - 1]);
		}
	}
	if (optind < argc)
		fail(FAIL_USAGE, "unexpected argument %s", argv[optind]);
	check(options);
}
