// SPDX-License-Identifier: MIT
/* Costs of exits and faults in clock ticks: of Linux, of KVM and of dune.ko, in the same guest. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <unistd.h>

#include "micro/groups.h"

static const char help[] =
	"usage: micro linux|kvm|dune [options]\n"
	"Time exits and faults by the TSC and print the ticks of every batch.\n"
	"\n"
	"  linux   getppid, getpid, the clock; UD2 to a signal handler; a program from start\n"
	"          to end; page faults; writes to protected pages; getpid under ptrace\n"
	"  kvm     CPUID and port output of a guest, its nested faults; kvm.ko is loaded\n"
	"  dune    CPUID and hypercall of the same guest, its nested faults; then what\n"
	"          linux has in Dune mode, and UD2 to a trap handler, ring 3's getpid passed\n"
	"          on and answered; dune.ko is loaded\n"
	"\n"
	"  --batches N      batches (20); one more goes first and is not counted\n"
	"  --iterations N   operations in a batch (200); faults: always 512 pages\n"
	"  --all            also what takes long, or only the paper's tables have: processes,\n"
	"                   threads, large pages, page walks; see docs/measuring.md\n"
	"  --only NAME      one measurement, by the name it is printed with\n"
	"  --help           this text\n"
	"\n"
	"A line a measurement: NAME iterations N ticks T... empty T...; `empty` is the same loop\n"
	"without the operation, or over pages that are there. Pin it to a CPU. Status 0: done;\n"
	"2: bad command line; 3: something is missing, or the guest ended otherwise.\n";

static _Noreturn void usage(const char *what, const char *value)
{
	fprintf(stderr, "micro: %s%s; see micro --help\n", what, value);
	exit(2);
}

static unsigned int number(const char *text, unsigned long most)
{
	unsigned long value;
	char *end;

	value = strtoul(text, &end, 10);
	if (end == text || *end || *text == '-' || value < 1 || value > most)
		usage("not a number in range: ", text);
	return (unsigned int)value;
}

/* A heap at a random place could lie where the guest's memory has to be. */
static void without_randomization(char **argv)
{
	int now = personality(0xffffffff);

	if (now < 0 || now & ADDR_NO_RANDOMIZE)
		return;
	personality((unsigned long)now | ADDR_NO_RANDOMIZE);
	execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "batches", required_argument, NULL, 'b' },
		{ "iterations", required_argument, NULL, 'i' },
		{ "only", required_argument, NULL, 'o' },
		{ "all", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct plan plan = { .batches = 20, .iterations = 200 };
	int option;

	without_randomization(argv);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'b':
			plan.batches = number(optarg, BATCHES_MAX);
			break;
		case 'i':
			plan.iterations = number(optarg, 1000000);
			break;
		case 'o':
			plan.only = optarg;
			break;
		case 'a':
			plan.all = true;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			return 2;
		}
	}
	if (optind + 1 != argc)
		usage("want one of linux, kvm, dune", "");
	if (!strcmp(argv[optind], "linux")) {
		group_linux(&plan);
	} else if (!strcmp(argv[optind], "kvm")) {
		group_kvm(&plan);
	} else if (!strcmp(argv[optind], "dune")) {
		group_dune(&plan);
		group_libdune(&plan);
	} else {
		usage("want one of linux, kvm, dune, not ", argv[optind]);
	}
	return 0;
}
