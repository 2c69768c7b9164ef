// SPDX-License-Identifier: MIT
/* `dune rt`: which command, and how a run is named. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rt.h"
#include "rt_reserve.h"
#include "run.h"

static const char help[] =
"usage: dune rt run [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
"       dune rt ps [--json]\n"
"       dune rt attach [--read-only] [--detach-key KEY] PID\n"
"       dune rt stop [--timeout SECONDS] PID\n"
"       dune rt stats [--json] PID\n"
"\n"
"Run PROGRAM in Dune mode on cores and memory taken from Linux, which get back to\n"
"it when PROGRAM ends, however it ends. Needs root, dune.ko and cgroup2.\n"
"\n"
"  -c, --cores LIST|N   these cores, as 2-3,5, or so many (default 1)\n"
"  -m, --mem SIZE       memory, as 64M: there and locked, in large pages if possible\n"
"  -p, --policy NAME    how the program's tasks are scheduled, for programs with\n"
"                       the runtime (default: its own)\n"
"  -q, --quantum TIME   for how long one runs at most, as 5us\n"
"  -r, --reserve N,N... cores that are class 0's, class 1's... of tasks, for policies\n"
"                       that reserve\n"
"  -d, --detach         in the background: print its PID, for the other commands\n"
"  -t, --terminal KIND  ring: standard output and error through shared memory,\n"
"                       without a system call; direct: as ever. Default: ring on a\n"
"                       terminal or with --detach\n"
"      --partition KIND isolated, root or none: the most to ask cgroup2 for\n"
"      --own            PROGRAM enters Dune mode by itself (default: if it has\n"
"                       libdune in it)\n"
"  -h, --help           this text\n"
"\n"
"PID is that of `dune rt run' or of PROGRAM. Status: PROGRAM's own, 128 + N if\n"
"signal N ended it, 126 if it cannot be run, 127 if there is none, 125 if cores,\n"
"memory or Dune mode cannot be had, 2 for a wrong command, 1 for no such run.\n";

int rt_wrong(const char *what)
{
	fprintf(stderr, "dune: %s; try `dune rt --help'\n", what);
	return RUN_WRONG;
}

int rt_find(const char *pid, struct run_state *run)
{
	char *end;
	long number = strtol(pid, &end, 10);

	if (*end || end == pid || number <= 0 || number > INT_MAX)
		return rt_wrong("want the number of one run");
	if (!geteuid())
		reserve_tidy_now();
	if (state_find((int)number, run) && state_alive(run))
		return 0;
	fprintf(stderr, "dune: %ld: no such run (dune rt ps)\n", number);
	return 1;
}

/* Descriptors 0 to 2 that are closed are no place for anything of ours; the program has none. */
static bool streams_open(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= 2);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int rt_main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = {
		{ "run", rt_run }, { "ps", rt_ps }, { "attach", rt_attach }, { "stop", rt_stop },
		{ "stats", rt_stats },
	};
	unsigned int i;

	if (!streams_open()) {
		fprintf(stderr, "dune: /dev/null: %s\n", strerror(errno));
		return RUN_FAILED;
	}
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(help, stdout);
		return 0;
	}
	for (i = 0; argc > 1 && i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		if (argc > 2 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h"))) {
			fputs(help, stdout);
			return 0;
		}
		return commands[i].run(argc - 1, argv + 1);
	}
	return rt_wrong(argc > 1 ? "no such command of rt" : "no command of rt");
}
