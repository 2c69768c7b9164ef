/* SPDX-License-Identifier: MIT */
/*
 * The environment variable DUNE_RT: what `dune rt run` hands to the runtime.
 *
 *	cpus=2-3+5,policy=rr,quantum=5000,memory=67108864,memory_fd=7,shared_fd=8
 *
 * Pairs of key and value in any order, each key at most once, all of them optional,
 * numbers decimal. A list of CPUs is the kernel's with + for the comma. Freestanding,
 * as the policies are.
 */
#ifndef RT_CONFIG_H
#define RT_CONFIG_H

#include "policy.h"

#define RT_CONFIG_VARIABLE "DUNE_RT"
#define RT_CONFIG_SIZE 8192u /* of any text that rt_config_print() makes, with its '\0' */
#define RT_CPUS_MAX 1024u    /* of Linux, as in a cpu_set_t; a runtime has RT_CORES_MAX at most */
#define RT_NAME_MAX 16u

struct rt_config {
	uint64_t cpus[RT_CPUS_MAX / 64]; /* a bit each; none: not given */
	char policy[RT_NAME_MAX];	 /* "": not given */
	uint64_t quantum;		 /* in nanoseconds; 0: not given */
	uint32_t classes;		 /* entries of reserved; 0: not given */
	uint32_t reserved[RT_CLASSES_MAX]; /* reserved=1+0: cores of each class */
	uint64_t memory;		 /* bytes of memory_fd */
	int memory_fd, shared_fd;	 /* -1: not given */
};

/* NULL, or the sentence that says what is wrong with text. "" gives nothing. */
const char *rt_config_parse(struct rt_config *config, const char *text);

/* Writes what rt_config_parse() reads: its length, or 0 if size bytes do not hold it. */
size_t rt_config_print(const struct rt_config *config, char *to, size_t size);

static inline bool rt_config_cpu(const struct rt_config *config, uint32_t cpu)
{
	return cpu < RT_CPUS_MAX && config->cpus[cpu / 64] >> (cpu % 64) & 1;
}

static inline void rt_config_cpu_add(struct rt_config *config, uint32_t cpu)
{
	if (cpu < RT_CPUS_MAX)
		config->cpus[cpu / 64] |= 1ull << (cpu % 64);
}

/* One that gives nothing. */
static inline void rt_config_clear(struct rt_config *config)
{
	*config = (struct rt_config){ .memory_fd = -1, .shared_fd = -1 };
}

#endif
