// SPDX-License-Identifier: MIT
/* Why a running process leaves its virtual machine: each time as it happens, and in all. */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "event.h"
#include "exit_show.h"
#include "exits.h"
#include "run.h"
#include "tracefs.h"

static int pid;
static bool summary_only;
static volatile sig_atomic_t interrupted;

static void take(const char *line)
{
	struct event event = event_parse(line);

	exit_count(&event);
	if (!summary_only)
		exit_print(&event);
}

/* All lines that are there. False: there will be no more. */
static bool drain(int fd)
{
	static char text[65536];
	static size_t n;
	ssize_t got;

	while ((got = read(fd, text + n, sizeof(text) - 1 - n)) > 0) {
		char *line = text, *end;

		n += (size_t)got;
		text[n] = 0;
		for (; (end = strchr(line, '\n')); line = end + 1) {
			*end = 0;
			take(line);
		}
		n -= (size_t)(line - text);
		memmove(text, line, n);
		if (n == sizeof(text) - 1)
			n = 0; /* no line is so long */
		if (interrupted)
			break;
	}
	fflush(stdout);
	return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

/* 0, or a status after a message. */
static int check_process(void)
{
	char path[300], target[64];
	struct dirent *entry;
	bool found = false;
	DIR *folder;

	if (kill(pid, 0) && errno == ESRCH) {
		fprintf(stderr, "dune: %d: no such process\n", pid);
		return 1;
	}
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	folder = opendir(path);
	if (!folder || geteuid()) {
		fprintf(stderr, "dune: %d: only root may trace\n", pid);
		if (folder)
			closedir(folder);
		return 1;
	}
	while (!found && (entry = readdir(folder))) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, entry->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = 0;
		found = !strcmp(target, "anon_inode:dune-vm");
	}
	closedir(folder);
	if (!found)
		fprintf(stderr, "dune: %d: has no virtual machine: not a process in Dune mode\n",
			pid);
	return !found;
}

static void on_signal(int signal)
{
	interrupted = signal;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Until the process ends, somebody interrupts, or the time is over. */
static int follow(double seconds)
{
	const struct sigaction action = { .sa_handler = on_signal };
	double begin, left = seconds;
	int trace, process = (int)syscall(SYS_pidfd_open, pid, 0);

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGPIPE, &action, NULL);
	trace = tracefs_begin(pid, !summary_only);
	if (trace < 0)
		return 1;
	begin = now();
	while (!interrupted && left > 0) {
		struct pollfd fds[2] = { { .fd = trace, .events = POLLIN },
					 { .fd = process, .events = POLLIN } };

		if (poll(fds, 2, left < 0.2 ? (int)(left * 1000) + 1 : 200) < 0 && errno != EINTR)
			break;
		if (!drain(trace) || fds[1].revents)
			break;
		left = seconds - (now() - begin);
	}
	seconds = now() - begin;
	tracefs_stop();
	if (interrupted != SIGPIPE) {
		interrupted = 0;
		drain(trace);
		exit_print_end();
		exit_summary(seconds);
	}
	tracefs_end(trace);
	if (process >= 0)
		close(process);
	return 0;
}

static const char help[] =
"usage: dune trace [OPTION]... PID\n"
"\n"
"Print each exit from the virtual machine of process PID and of what it forks: when,\n"
"thread, reason, address, system call with its result, memory that was missing. At\n"
"the process's end, at -d's, or at Ctrl-C: how many of each. Needs root and tracefs.\n"
"\n"
"  -c, --summary            only how many of each\n"
"  -d, --duration SECONDS   end after so long\n"
"  -h, --help               this text\n";

static int wrong(const char *what)
{
	fprintf(stderr, "dune: %s; try `dune trace --help'\n", what);
	return RUN_WRONG;
}

int exits_trace(int argc, char **argv)
{
	static const struct option options[] = {
		{ "summary", no_argument, NULL, 'c' },
		{ "duration", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	double seconds = 1e9;
	char *end;
	int option;
	long number;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "cd:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			summary_only = true;
			break;
		case 'd':
			seconds = strtod(optarg, &end);
			if (*end || end == optarg || !(seconds > 0 && seconds <= 1e9))
				return wrong("--duration wants seconds");
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			return wrong("unknown option");
		}
	}
	if (optind + 1 != argc)
		return wrong("want the number of one process");
	number = strtol(argv[optind], &end, 10);
	if (*end || end == argv[optind] || number <= 0 || number > INT_MAX)
		return wrong("want the number of one process");
	pid = (int)number;
	return check_process() ?: follow(seconds);
}
