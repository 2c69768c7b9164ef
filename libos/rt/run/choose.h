/* SPDX-License-Identifier: MIT */
/* What dune_rt_start() is to start. */
#ifndef RT_RUN_CHOOSE_H
#define RT_RUN_CHOOSE_H

#include "runtime.h"

struct choice {
	struct rt_config config;
	const struct rt_policy *policy;
	struct rt_params params;
	uint32_t flags, tasks, vector, cores, classes;
	uint64_t stack;
	uint32_t cpu[RT_CORES_MAX];
};

/* 0, or -errno and the sentence that says why. */
int rt_choose(struct choice *choice, const struct dune_rt_options *options, const char **why);

#endif
