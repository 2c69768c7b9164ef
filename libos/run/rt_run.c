// SPDX-License-Identifier: MIT
/* `dune rt run`: its options, and what can be known to be wrong before anything is changed. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../rt/policies.h"
#include "rt.h"
#include "rt_program.h"
#include "rt_supervise.h"
#include "rt_units.h"
#include "run.h"

/* A lower bound, for units that were mistaken; that of the runtime is in ticks of the TSC. */
#define QUANTUM_MIN_NS 100u

static int refuse(int status, const char *what, const char *why)
{
	fprintf(stderr, "dune: %s: %s\n", what, why);
	return status;
}

static bool one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(text, *words))
			return true;
	return false;
}

/* How many the command line says; what is no such thing is refused where they are chosen. */
static uint32_t cores_asked(const char *text)
{
	struct cores cores;

	if (text[strspn(text, "0123456789")])
		return cores_parse(&cores, text) ? RT_CORES_MAX : cores_count(&cores);
	return *text && strlen(text) < 5 ? (uint32_t)atoi(text) : RT_CORES_MAX;
}

static int check_policy(const struct rt_request *request)
{
	struct rt_params params = { .cores = cores_asked(request->reserve.cores),
				    .classes = RT_CLASSES_MAX, .quantum = request->quantum };
	const struct rt_policy *policy = request->policy ? rt_policy_find(request->policy) : NULL;
	const char *wrong;
	size_t size;
	void *state;
	int i;

	if (!request->policy)
		return request->quantum ? rt_wrong("--quantum is a policy's: give --policy") :
		       request->reserves ? rt_wrong("--reserve is a policy's: give --policy") : 0;
	if (!policy) {
		fprintf(stderr, "dune: %s: no such policy; there are", request->policy);
		for (i = 0; rt_policies[i]; i++)
			fprintf(stderr, " %s", rt_policies[i]->name);
		fputs("\n", stderr);
		return RUN_WRONG;
	}
	memcpy(params.reserved, request->reserved, sizeof(params.reserved));
	size = (rt_policy_bytes(policy, RT_CORES_MAX) + RT_LINE) & ~(RT_LINE - 1ul);
	state = aligned_alloc(RT_LINE, size);
	if (!state)
		return refuse(RUN_FAILED, policy->name, strerror(ENOMEM));
	memset(state, 0, size);
	wrong = rt_policy_start(policy, state, &params);
	free(state);
	if (!wrong && request->quantum && request->quantum < QUANTUM_MIN_NS)
		wrong = "an interrupt alone takes longer than the quantum: take a longer one";
	return wrong ? refuse(RUN_WRONG, policy->name, wrong) : 0;
}

static int check_machine(struct rt_request *request)
{
	static char buffer[PATH_MAX];

	if (geteuid())
		return refuse(RUN_FAILED, "dune rt run", "only root may reserve cores");
	if (access("/dev/dune", R_OK | W_OK))
		return refuse(RUN_FAILED, "/dev/dune", "not there: insmod dune.ko first");
	request->path = run_search(request->argv[0], buffer);
	if (!request->path || access(request->path, X_OK))
		return refuse(errno == ENOENT || errno == ENOTDIR ? RUN_NOT_FOUND :
								    RUN_NOT_EXECUTABLE,
			      request->argv[0], request->path ? strerror(errno) :
								"not found in PATH");
	if (program_has_libdune(request->path))
		request->own = true;
	return 0;
}

static int told = -1; /* who waits for the number */

static bool tell(int pid)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	/* Who asked may have been interrupted meanwhile: then nobody knows of the run. */
	bool heard = write(told, &pid, sizeof(pid)) == sizeof(pid);

	close(told);
	dup2(null, 1);
	dup2(null, 2);
	return heard;
}

/* The supervisor as a process of its own; the number of it, or its status. */
static int detach(struct rt_request *request)
{
	int ends[2], pid, number, status;

	if (pipe2(ends, O_CLOEXEC))
		return refuse(RUN_FAILED, "pipe", strerror(errno));
	pid = fork();
	if (pid < 0)
		return refuse(RUN_FAILED, "fork", strerror(errno));
	if (!pid) {
		close(ends[0]);
		setsid();
		dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
		told = ends[1];
		request->started = tell;
		_exit(supervise(request));
	}
	close(ends[1]);
	if (read(ends[0], &number, sizeof(number)) == sizeof(number)) {
		printf("%d\n", number);
		return 0;
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int rt_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "cores", required_argument, NULL, 'c' },
		{ "mem", required_argument, NULL, 'm' },
		{ "policy", required_argument, NULL, 'p' },
		{ "quantum", required_argument, NULL, 'q' },
		{ "reserve", required_argument, NULL, 'r' },
		{ "detach", no_argument, NULL, 'd' },
		{ "terminal", required_argument, NULL, 't' },
		{ "partition", required_argument, NULL, 'P' },
		{ "own", no_argument, NULL, 'o' },
		{ 0 },
	};
	static const char *const terminals[] = { "ring", "direct", NULL };
	static const char *const partitions[] = { "isolated", "root", "none", NULL };
	struct rt_request request = { .reserve = { .cores = "1", .partition = "isolated" } };
	const char *wrong = NULL, *terminal = NULL;
	int option, status;

	opterr = 0;
	while (!wrong &&
	       (option = getopt_long(argc, argv, "+c:m:p:q:r:dt:", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			request.reserve.cores = optarg;
			break;
		case 'm':
			wrong = units_size(optarg, &request.memory);
			break;
		case 'p':
			request.policy = optarg;
			break;
		case 'q':
			wrong = units_time(optarg, &request.quantum);
			break;
		case 'r':
			wrong = units_counts(optarg, request.reserved, RT_CLASSES_MAX);
			request.reserves = true;
			break;
		case 'd':
			request.detached = true;
			break;
		case 't':
			wrong = one_of(optarg, terminals) ? NULL : "want ring or direct";
			terminal = optarg;
			break;
		case 'P':
			wrong = one_of(optarg, partitions) ? NULL : "want isolated, root or none";
			request.reserve.partition = optarg;
			break;
		case 'o':
			request.own = true;
			break;
		default:
			return rt_wrong("unknown option");
		}
	}
	if (wrong)
		return refuse(RUN_WRONG, optarg, wrong);
	if (optind == argc)
		return rt_wrong("no program");
	request.argv = argv + optind;
	request.ring = terminal ? *terminal == 'r' : request.detached || isatty(1);
	status = check_policy(&request);
	if (!status)
		status = check_machine(&request);
	if (status)
		return status;
	return request.detached ? detach(&request) : supervise(&request);
}
