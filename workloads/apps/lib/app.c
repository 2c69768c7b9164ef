// SPDX-License-Identifier: MIT
/* What the applications share. */
#include "apps/lib/app.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "micro/series.h"

static _Noreturn void wrong(const char *what, const char *value)
{
	fprintf(stderr, "%s: %s%s; see --help\n", program_invocation_short_name, what, value);
	exit(APP_WRONG);
}

static uint64_t number(const char *text, uint64_t least, uint64_t most)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value < least || value > most)
		wrong("not a number in range: ", text);
	return value;
}

void app_options(int argc, char **argv, const char *help, unsigned int batches,
		 struct app_options *options)
{
	static const struct option known[] = {
		{ "quick", no_argument, NULL, 'q' },
		{ "batches", required_argument, NULL, 'b' },
		{ "seed", required_argument, NULL, 's' },
		{ "only", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	*options = (struct app_options){ .batches = batches, .seed = 1 };
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'q':
			options->quick = true;
			break;
		case 'b':
			options->batches = (unsigned int)number(optarg, 1, BATCHES_MAX);
			break;
		case 's':
			options->seed = number(optarg, 0, UINT64_MAX);
			break;
		case 'o':
			options->only = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			exit(APP_WRONG);
		}
	}
	if (optind != argc)
		wrong("unexpected: ", argv[optind]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (access("/dev/dune", R_OK | W_OK))
		app_fail("/dev/dune", errno);
}

bool app_wanted(const struct app_options *options, const char *name)
{
	return !options->only || !strcmp(options->only, name);
}

_Noreturn void app_fail(const char *what, int error)
{
	fprintf(stderr, "%s: %s%s%s\n", program_invocation_short_name, what, error ? ": " : "",
		error ? strerror(error) : "");
	exit(APP_FAILED);
}

void app_must(int result, const char *what)
{
	if (result < 0)
		app_fail(what, -result);
}

char *app_read(const char *path, size_t *size)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t done = 0;
	ssize_t n = 1;
	char *data;

	if (fd < 0 || fstat(fd, &status))
		app_fail(path, errno);
	data = malloc((size_t)status.st_size + 1);
	if (!data)
		app_fail(path, ENOMEM);
	while (n > 0 && done < (size_t)status.st_size) {
		n = read(fd, data + done, (size_t)status.st_size - done);
		done += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	data[done] = 0;
	*size = done;
	return data;
}

void app_write(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd))
		app_fail(path, errno);
}

void app_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		app_fail("sched_setaffinity", errno);
}

static void file_as(const char *path, int flags, int fd)
{
	int opened = open(path, flags, 0644);

	if (opened < 0 || dup2(opened, fd) < 0)
		_exit(126);
	close(opened);
}

uint64_t app_run(const struct app_run *run, int *status)
{
	uint64_t start = ticks_read();
	pid_t child = fork();

	if (child < 0)
		app_fail("fork", errno);
	if (!child) {
		if (chdir(run->dir))
			_exit(126);
		file_as(run->in ? run->in : "/dev/null", O_RDONLY, 0);
		file_as(run->out, O_WRONLY | O_CREAT | O_TRUNC, 1);
		dup2(1, 2);
		if (run->small_pages && prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
			_exit(126);
		execvp(run->argv[0], run->argv);
		_exit(127);
	}
	if (waitpid(child, status, 0) != child)
		app_fail("waitpid", errno);
	return ticks_read() - start;
}
