// SPDX-License-Identifier: MIT
/* What dune_rt_start() is told: options, or the environment; which CPUs, which policy. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "choose.h"

#define TASKS 1024u
#define TASKS_MAX 65536u
#define STACK 65536u
#define STACK_MIN 0x4000u
#define STACK_MAX (1u << 30)
#define VECTOR 0xf0u

/* The kernel's list of CPUs, by the one parser there is. */
static const char *cpus_of(struct rt_config *config, const char *list)
{
	static const char key[] = "cpus=";
	char text[RT_CONFIG_SIZE];
	struct rt_config parsed;
	const char *wrong;
	size_t at = 0, i;

	for (i = 0; key[i]; i++)
		text[at++] = key[i];
	for (i = 0; list[i]; i++) {
		if (at == sizeof(text) - 1 || list[i] == '+')
			return "the list of CPUs is none";
		text[at++] = list[i] == ',' ? '+' : list[i];
	}
	text[at] = '\0';
	wrong = rt_config_parse(&parsed, text);
	for (i = 0; i < RT_CPUS_MAX / 64; i++)
		config->cpus[i] = parsed.cpus[i];
	return wrong ? "the list of CPUs is none" : NULL;
}

static const char *from_options(struct choice *choice, const struct dune_rt_options *options)
{
	struct rt_config *config = &choice->config;
	uint32_t i;

	if (options->version != DUNE_RT_VERSION || options->size != sizeof(*options))
		return "the options are of another version";
	if (options->flags & ~DUNE_RT_SHARED)
		return "a flag is not known";
	if (options->tasks > TASKS_MAX)
		return "more tasks than 65536";
	if (options->vector && (options->vector < 32 || options->vector > 255))
		return "the vector is not 32 to 255";
	if (options->stack && (options->stack < STACK_MIN || options->stack > STACK_MAX))
		return "the stack is not 16 KiB to 1 GiB";
	choice->flags = options->flags;
	choice->tasks = options->tasks ? options->tasks : TASKS;
	choice->vector = options->vector ? options->vector : VECTOR;
	choice->stack = options->stack ? options->stack : STACK;
	choice->cores = options->cores;
	choice->classes = options->classes;
	config->quantum = options->quantum;
	for (i = 0; i < DUNE_RT_CLASSES; i++)
		config->reserved[i] = options->reserved[i];
	for (i = 0; options->policy && options->policy[i]; i++) {
		if (i == RT_NAME_MAX - 1)
			return "no policy has so long a name";
		config->policy[i] = options->policy[i];
	}
	return options->cpus ? cpus_of(config, options->cpus) : NULL;
}

static const char *from_environment(struct choice *choice)
{
	const char *text = getenv(RT_CONFIG_VARIABLE);
	const char *wrong = text ? rt_config_parse(&choice->config, text) : NULL;

	choice->tasks = TASKS;
	choice->vector = VECTOR;
	choice->stack = STACK;
	choice->classes = choice->config.classes;
	return wrong;
}

static const char *pick_cpus(struct choice *choice)
{
	const uint32_t want = choice->cores;
	uint32_t cpu, n = 0;
	bool given = false;
	cpu_set_t mine;

	for (cpu = 0; cpu < RT_CPUS_MAX; cpu++)
		given |= rt_config_cpu(&choice->config, cpu);
	if (!given && sched_getaffinity(0, sizeof(mine), &mine))
		return "there are more CPUs than can be named";
	for (cpu = 0; cpu < RT_CPUS_MAX; cpu++) {
		if (given ? !rt_config_cpu(&choice->config, cpu) : !CPU_ISSET(cpu, &mine))
			continue;
		if (n == (want ? want : given ? RT_CPUS_MAX : 1))
			break;
		if (n == RT_CORES_MAX)
			return "more cores than 64";
		choice->cpu[n++] = cpu;
	}
	choice->cores = n;
	return n < want ? "there are not as many CPUs" : NULL;
}

int rt_choose(struct choice *choice, const struct dune_rt_options *options, const char **why)
{
	uint32_t i;

	*choice = (struct choice){ .config = { .memory_fd = -1, .shared_fd = -1 } };
	*why = options ? from_options(choice, options) : from_environment(choice);
	if (!*why)
		*why = pick_cpus(choice);
	if (*why)
		return -EINVAL;
	choice->policy = rt_policy_find(choice->config.policy[0] ? choice->config.policy : "cfcfs");
	if (!choice->policy) {
		*why = "there is no policy of that name";
		return -ENOENT;
	}
	choice->params = (struct rt_params){
		.cores = choice->cores,
		.classes = choice->classes ? choice->classes : RT_CLASSES_MAX,
		.quantum = choice->config.quantum,
	};
	for (i = 0; i < RT_CLASSES_MAX; i++)
		choice->params.reserved[i] = choice->config.reserved[i];
	return 0;
}
