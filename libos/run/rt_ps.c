// SPDX-License-Identifier: MIT
/* `dune rt ps' and `dune rt stop'. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rt.h"
#include "rt_json.h"
#include "rt_reserve.h"
#include "run.h"

#define KILL_MS 10000 /* for the kernel to end a process */

static uint64_t seconds_since(uint64_t began)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec > began ? (uint64_t)now.tv_sec - began : 0;
}

static void print_json(const struct run_state *run)
{
	char list[CORES_TEXT];

	json_open(NULL, '{');
	json_number("pid", (uint64_t)run->supervisor);
	json_number("program", (uint64_t)run->program);
	json_text("cores", cores_list(&run->cores, list));
	json_text("partition", run->partition);
	json_number("memory", run->memory);
	json_text("memory_kind", run->memory_kind);
	json_text("policy", run->policy);
	json_number("quantum_ns", run->quantum);
	json_number("seconds", seconds_since(run->began));
	json_text("command", run->command);
	json_close('}');
}

static void print_line(const struct run_state *run)
{
	char list[CORES_TEXT], memory[48];

	snprintf(memory, sizeof(memory), "%" PRIu64 "M %s", run->memory >> 20, run->memory_kind);
	printf("%7d %7d %-9s %-9s %-13s %-8s %6" PRIu64 "s %s\n", run->supervisor, run->program,
	       cores_list(&run->cores, list), run->partition, run->memory ? memory : "-",
	       *run->policy ? run->policy : "-", seconds_since(run->began), run->command);
}

int rt_ps(int argc, char **argv)
{
	static struct run_state runs[RUNS_MAX];
	bool json = argc == 2 && !strcmp(argv[1], "--json");
	unsigned int i, n;

	if (argc > 1 && !json)
		return rt_wrong("unknown option");
	if (!geteuid())
		reserve_tidy_now();
	n = state_list(runs);
	if (json)
		json_open(NULL, '[');
	else
		puts("    PID PROGRAM CORES     PARTITION MEMORY        POLICY      TIME COMMAND");
	for (i = 0; i < n; i++) {
		if (json)
			print_json(&runs[i]);
		else
			print_line(&runs[i]);
	}
	if (json)
		json_close(']');
	return 0;
}

/* Whether it is gone within so long; negative: however long. */
static bool gone(int process, int ms)
{
	struct pollfd watched = { .fd = process, .events = POLLIN };

	return poll(&watched, 1, ms) > 0;
}

static int stop(const struct run_state *run, double seconds)
{
	int process = process_open(run->supervisor, run->supervisor_began);
	bool ended = process < 0; /* meanwhile */

	if (!ended && process_signal(process, SIGTERM) && errno != ESRCH) {
		fprintf(stderr, "dune: %d: %s\n", run->supervisor, strerror(errno));
		return 1;
	}
	ended = ended || gone(process, (int)(seconds * 1000));
	if (!ended) {
		process_signal(process, SIGKILL);
		if (!gone(process, KILL_MS)) {
			fprintf(stderr, "dune: %d: it cannot be killed yet; what it has is given "
				"back by the next dune rt\n", run->supervisor);
			return 1;
		}
	}
	if (reserve_tidy()) /* its guardian may be at it already */
		return 1;
	if (!ended)
		fprintf(stderr, "dune: %d: ended by force\n", run->supervisor);
	return 0;
}

int rt_stop(int argc, char **argv)
{
	static const struct option options[] = {
		{ "timeout", required_argument, NULL, 't' },
		{ 0 },
	};
	struct run_state run;
	double seconds = 10;
	char *end;
	int option, status;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "t:", options, NULL)) != -1) {
		if (option != 't')
			return rt_wrong("unknown option");
		seconds = strtod(optarg, &end);
		if (*end || end == optarg || !(seconds >= 0 && seconds <= 1e6))
			return rt_wrong("--timeout wants seconds");
	}
	if (optind + 1 != argc)
		return rt_wrong("want the number of one run");
	status = rt_find(argv[optind], &run);
	return status ? status : stop(&run, seconds);
}
