// SPDX-License-Identifier: MIT
/* Starting the program of a run on its cores. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../rt/config.h"
#include "rt_child.h"
#include "run.h"

/* What the runtime in the program is told. */
static void variable_set(const struct run_state *run, const struct rt_request *request,
			 const struct child_files *files)
{
	static char text[RT_CONFIG_SIZE];
	struct rt_config config;

	rt_config_clear(&config);
	/* All classes that there can be: how many are its own only the program knows. */
	if (request->reserves) {
		config.classes = RT_CLASSES_MAX;
		memcpy(config.reserved, request->reserved, sizeof(config.reserved));
	}
	memcpy(config.cpus, run->cores.bits, sizeof(config.cpus));
	snprintf(config.policy, sizeof(config.policy), "%s", run->policy);
	config.quantum = run->quantum;
	config.memory = run->memory;
	config.memory_fd = files->memory;
	config.shared_fd = files->shared;
	rt_config_print(&config, text, sizeof(text));
	setenv(RT_CONFIG_VARIABLE, text, 1);
}

static int place(const struct run_state *run)
{
	char path[PATH_ROOM];
	int error = file_write(path_print(path, "%s/cgroup.procs", run->cgroup), "0");

	if (!error && sched_setaffinity(0, sizeof(run->cores), (const cpu_set_t *)run->cores.bits))
		error = -errno;
	return error;
}

static int begin(const struct rt_request *request, const struct child_files *files)
{
	char terminal[32], *line[8 + 1], **argv;
	int n = 0, count = 0;

	if (request->own) {
		execv(request->path, request->argv);
		return -errno;
	}
	while (request->argv[count])
		count++;
	argv = calloc((size_t)count + 8, sizeof(*argv));
	if (!argv)
		return -ENOMEM;
	line[n++] = "dune";
	line[n++] = "run";
	if (request->ring) {
		snprintf(terminal, sizeof(terminal), "--terminal=%d", files->shared);
		line[n++] = terminal;
	}
	line[n++] = "--";
	memcpy(argv, line, (size_t)n * sizeof(*argv));
	memcpy(argv + n, request->argv, (size_t)count * sizeof(*argv));
	execv("/proc/self/exe", argv);
	return -errno;
}

int child_start(const struct run_state *run, const struct rt_request *request,
		const struct child_files *files, const sigset_t *mask)
{
	int parent = getpid(), pid = fork(), error, i;

	if (pid)
		return pid < 0 ? -errno : pid;
	/* Whatever ends the supervisor, and the guardian, too. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(RUN_FAILED);
	error = place(run);
	for (i = 0; !error && i < 3; i++)
		if (files->streams[i] >= 0 && dup2(files->streams[i], i) < 0)
			error = -errno;
	if (!error) {
		variable_set(run, request, files);
		sigprocmask(SIG_SETMASK, mask, NULL);
		error = begin(request, files);
	}
	fprintf(stderr, "dune: %s: %s\n", request->path, strerror(-error));
	_exit(error == -ENOENT ? RUN_NOT_FOUND : RUN_NOT_EXECUTABLE);
}
