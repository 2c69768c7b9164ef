// SPDX-License-Identifier: MIT
/* Reading and explaining the server's command line. */
#include "kv/server/options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kv/server/number.h"

static const char help[] =
	"usage: kv-server [options]\n"
	"A memcached-protocol server (text, TCP and UDP) for latency experiments.\n"
	"\n"
	"  --port N         TCP port (11211; 0: any free one)\n"
	"  --udp-port N     serve UDP as well, on this port (off; 0: any free one)\n"
	"  --listen ADDR    IPv4 address to listen on (127.0.0.1)\n"
	"  --threads N      worker threads, 1 to 64 (1)\n"
	"  --cpus LIST      pin the i-th worker to the i-th CPU of the list: 1 or 2,4-6\n"
	"  --memory MIB     limit for items and hash table, least 2 (64)\n"
	"  --buffers MIB    limit for half requests and unsent replies, least 2 (32)\n"
	"  --max-conns N    connections at a time (1024)\n"
	"  --prefault       take all of --memory at the start\n"
	"  --lock           lock all memory (mlockall)\n"
	"  --busy-poll      workers spin instead of sleeping\n"
	"  --dune           workers run in Dune mode\n"
	"  --ring PATH      no sockets: requests and replies go through this new file in\n"
	"                   memory (/dev/shm/kv, say), a pair of rings for each thread\n"
	"  --ring-kib N     of each ring, a power of two from 1 to 1048576 (256)\n"
	"  --ring-wait spin|sleep  when a ring is empty (spin)\n"
	"  --rt             with --ring: tasks of libdune's runtime instead of threads, on the\n"
	"                   cores that `dune rt run` reserved, or those of --cpus\n"
	"  --fifo N         with --ring: threads under SCHED_FIFO with this priority\n"
	"  --help           this text\n"
	"\n"
	"Prints \"ready ...\" when it can be asked; SIGTERM and SIGINT end it\n"
	"with status 0. Status 2: the command line or the machine does not allow it.\n";

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "kv-server: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "; see kv-server --help\n");
	exit(2);
}

static uint64_t number(const char *option, const char *text, uint64_t least, uint64_t most)
{
	uint64_t value;

	if (!number_parse(text, strlen(text), &value) || value < least || value > most)
		fail("--%s %s: expected a number from %llu to %llu", option, text,
		     (unsigned long long)least, (unsigned long long)most);
	return value;
}

static void add_cpu(struct options *options, uint64_t cpu)
{
	if (options->nr_cpus == SERVICE_THREADS_MAX)
		fail("--cpus: more than %d CPUs", SERVICE_THREADS_MAX);
	options->cpu[options->nr_cpus++] = (int)cpu;
}

static void parse_cpus(struct options *options, char *list)
{
	char *part, *rest = list;

	while ((part = strsep(&rest, ","))) {
		char *dash = strchr(part, '-');
		uint64_t first, last;

		if (dash)
			*dash++ = '\0';
		first = number("cpus", part, 0, 1023);
		last = dash ? number("cpus", dash, first, 1023) : first;
		while (first <= last)
			add_cpu(options, first++);
	}
}

static void check_ring(const struct options *options, bool sized)
{
	if (!options->ring && (options->mode == MODE_RT || options->priority ||
			       options->ring_sleeps || sized))
		fail("--rt, --fifo, --ring-wait and --ring-kib need --ring");
	if (options->ring && options->udp)
		fail("--ring has no UDP port");
	if (options->ring_kib & (options->ring_kib - 1))
		fail("--ring-kib %llu: expected a power of two",
		     (unsigned long long)options->ring_kib);
	if (options->mode == MODE_RT && options->ring_sleeps)
		fail("--ring-wait sleep: tasks of --rt have nobody to sleep for");
	if (options->mode == MODE_RT && options->priority)
		fail("--fifo is for Linux's threads; --rt has the core for itself");
}

void options_parse(struct options *options, int argc, char **argv)
{
	enum { PORT, UDP_PORT, LISTEN, THREADS, CPUS, MEMORY, BUFFERS, MAX_CONNS, PREFAULT, LOCK,
	       BUSY_POLL, DUNE, RING, RING_KIB, RING_WAIT, RT, FIFO, HELP };
	static const struct option known[] = {
		{ "port", required_argument, NULL, PORT },
		{ "udp-port", required_argument, NULL, UDP_PORT },
		{ "listen", required_argument, NULL, LISTEN },
		{ "threads", required_argument, NULL, THREADS },
		{ "cpus", required_argument, NULL, CPUS },
		{ "memory", required_argument, NULL, MEMORY },
		{ "buffers", required_argument, NULL, BUFFERS },
		{ "max-conns", required_argument, NULL, MAX_CONNS },
		{ "prefault", no_argument, NULL, PREFAULT },
		{ "lock", no_argument, NULL, LOCK },
		{ "busy-poll", no_argument, NULL, BUSY_POLL },
		{ "dune", no_argument, NULL, DUNE },
		{ "ring", required_argument, NULL, RING },
		{ "ring-kib", required_argument, NULL, RING_KIB },
		{ "ring-wait", required_argument, NULL, RING_WAIT },
		{ "rt", no_argument, NULL, RT },
		{ "fifo", required_argument, NULL, FIFO },
		{ "help", no_argument, NULL, HELP },
		{ 0 },
	};
	bool dune = false, sized = false;
	int c;

	*options = (struct options){
		.listen.s_addr = htonl(INADDR_LOOPBACK), .port = 11211, .threads = 1,
		.memory_mib = 64, .buffer_mib = 32, .max_conns = 1024, .ring_kib = 256,
	};
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:", known, NULL)) != -1) {
		switch (c) {
		case PORT:
			options->port = (uint16_t)number("port", optarg, 0, 65535);
			break;
		case UDP_PORT:
			options->udp_port = (uint16_t)number("udp-port", optarg, 0, 65535);
			options->udp = true;
			break;
		case LISTEN:
			if (inet_pton(AF_INET, optarg, &options->listen) != 1)
				fail("--listen %s: expected an IPv4 address", optarg);
			break;
		case THREADS:
			options->threads = (unsigned int)number("threads", optarg, 1,
								SERVICE_THREADS_MAX);
			break;
		case CPUS:
			options->cpus = strdup(optarg);
			parse_cpus(options, optarg);
			break;
		case MEMORY:
			options->memory_mib = number("memory", optarg, 2, 1ull << 20);
			break;
		case BUFFERS:
			options->buffer_mib = number("buffers", optarg, 2, 1ull << 20);
			break;
		case MAX_CONNS:
			options->max_conns = (uint32_t)number("max-conns", optarg, 1, 1000000);
			break;
		case PREFAULT:
			options->prefault = true;
			break;
		case LOCK:
			options->lock_memory = true;
			break;
		case BUSY_POLL:
			options->busy_poll = true;
			break;
		case DUNE:
			dune = true;
			break;
		case RING:
			options->ring = optarg;
			break;
		case RING_KIB:
			options->ring_kib = number("ring-kib", optarg, 1, 1 << 20);
			sized = true;
			break;
		case RING_WAIT:
			options->ring_sleeps = !strcmp(optarg, "sleep");
			if (!options->ring_sleeps && strcmp(optarg, "spin"))
				fail("--ring-wait %s: expected spin or sleep", optarg);
			break;
		case RT:
			options->mode = MODE_RT;
			break;
		case FIFO:
			options->priority = (int)number("fifo", optarg, 1, 99);
			break;
		case HELP:
			fputs(help, stdout);
			exit(0);
		case ':':
			fail("%s needs an argument", argv[optind - 1]);
		default:
			fail("unknown option %s", argv[optind - 1]);
		}
	}
	if (optind < argc)
		fail("unexpected argument %s", argv[optind]);
	if (options->nr_cpus && options->nr_cpus < options->threads)
		fail("--cpus names %u CPUs for %u threads", options->nr_cpus, options->threads);
	if (dune && options->mode == MODE_RT)
		fail("--dune and --rt exclude each other");
	if (dune)
		options->mode = MODE_DUNE;
	check_ring(options, sized);
}
