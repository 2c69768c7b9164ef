// SPDX-License-Identifier: MIT
/* dune: programs in Dune mode, unmodified. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exits.h"
#include "rt.h"
#include "run.h"

static const char usage_text[] =
"usage: dune run [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
"       dune trace [OPTION]... PID\n"
"       dune rt run|ps|attach|stop|stats ...\n"
"\n"
"Run PROGRAM in ring 0 of a virtual machine of its own, from its first\n"
"instruction: the same program, libraries, files and system calls. What it\n"
"starts by fork or exec is in Dune mode too. Needs dune.ko and the right to open\n"
"/dev/dune.\n"
"\n"
"  -m, --monitor   PROGRAM in ring 3, with ring 0 under it kept from it\n"
"  -p, --policy FILE  PROGRAM in ring 3, and its system calls are those that FILE\n"
"                  allows; see dune(1)\n"
"  -t, --strace    print each system call on stderr, as strace does\n"
"  -g, --gdb PORT  wait at the first instruction for a gdb that connects to PORT,\n"
"                  HOST:PORT or the path of a socket\n"
"  -s, --stats     at the end of each process, say what it cost on stderr\n"
"  -h, --help      this text\n"
"  -V, --version   the version\n"
"\n"
"Status: PROGRAM's own, 128 + N if signal N ended it, 126 if it cannot be run,\n"
"127 if there is none, 125 if Dune mode cannot be had, 2 for a wrong command.\n";

static const struct option options[] = {
	{ "monitor", no_argument, NULL, 'm' },
	{ "policy", required_argument, NULL, 'p' },
	{ "strace", no_argument, NULL, 't' },
	{ "gdb", required_argument, NULL, 'g' },
	{ "stats", no_argument, NULL, 's' },
	{ "exec", required_argument, NULL, 'x' }, /* the file to run, whatever ARGV says */
	{ "as", required_argument, NULL, 'a' },   /* what it is told that its path is */
	{ "mask", required_argument, NULL, 'k' }, /* the signals it finds blocked */
	{ "terminal", required_argument, NULL, 'T' }, /* shared memory, open */
	{ "device", required_argument, NULL, 'd' }, /* /dev/dune, open */
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

static int wrong(const char *what)
{
	fprintf(stderr, "dune: %s; try `dune run --help'\n", what);
	return RUN_WRONG;
}

int main(int argc, char **argv)
{
	struct run_options run = { .device = -1, .terminal = -1 };
	int option;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage_text, stdout);
		return 0;
	}
	if (argc > 1 && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))) {
		puts("dune " DUNE_VERSION);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "trace"))
		return exits_trace(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "rt"))
		return rt_main(argc - 1, argv + 1);
	if (argc < 2 || strcmp(argv[1], "run"))
		return wrong(argc < 2 ? "no command" : "no such command");
	optind = 2;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "+mp:tsg:hV", options, NULL)) != -1) {
		switch (option) {
		case 't':
			run.strace = true;
			break;
		case 's':
			run.stats = true;
			break;
		case 'g':
			run.gdb = optarg;
			break;
		case 'x':
			run.path = optarg;
			break;
		case 'm':
			run.monitor = true;
			break;
		case 'p':
			run.policy = optarg;
			run.monitor = true;
			break;
		case 'k':
			run.mask = optarg;
			break;
		case 'd':
			run.device = atoi(optarg);
			break;
		case 'T':
			run.terminal = atoi(optarg);
			break;
		case 'a':
			run.name = optarg;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return 0;
		case 'V':
			puts("dune " DUNE_VERSION);
			return 0;
		default:
			return wrong("unknown option");
		}
	}
	if (run.monitor && run.gdb)
		return wrong("--gdb shows ring 0, --monitor has the program in ring 3: not both");
	if (run.policy && (run.strace || run.stats))
		return wrong("--policy has the hooks of --strace and --stats: not both");
	if (optind == argc)
		return wrong("no program");
	return run_program(&run, argc - optind, argv + optind);
}
