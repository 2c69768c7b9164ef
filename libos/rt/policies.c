// SPDX-License-Identifier: MIT
/* All policies by name, and the refusals that are common to them. */
#include "policies.h"

#define POINTER(name) &rt_##name,

const struct rt_policy *const rt_policies[] = { RT_POLICIES(POINTER) NULL };

const struct rt_policy *rt_policy_find(const char *name)
{
	size_t i, at;

	for (i = 0; rt_policies[i]; i++) {
		const char *known = rt_policies[i]->name;

		for (at = 0; known[at] && known[at] == name[at]; at++)
			;
		if (known[at] == name[at])
			return rt_policies[i];
	}
	return NULL;
}

const char *rt_policy_start(const struct rt_policy *policy, void *state,
			    const struct rt_params *params)
{
	uint32_t i, reserved = 0;

	if (!params->cores || params->cores > RT_CORES_MAX)
		return "the number of cores must be from 1 to 64";
	if (!params->classes || params->classes > RT_CLASSES_MAX)
		return "the number of classes must be from 1 to 8";
	for (i = 0; i < RT_CLASSES_MAX; i++) {
		if (i >= params->classes && params->reserved[i])
			return "cores are reserved for a class that there is not";
		if (params->reserved[i] > params->cores)
			return "more cores are reserved than there are";
		reserved += params->reserved[i];
	}
	if (reserved > params->cores)
		return "more cores are reserved than there are";
	if (policy->flags & RT_TAKES_QUANTUM && !params->quantum)
		return "this policy needs a quantum";
	if (!(policy->flags & RT_TAKES_QUANTUM) && params->quantum)
		return "this policy has no quantum";
	if (params->quantum > RT_FOREVER / 4)
		return "the quantum is longer than any run";
	if (policy->flags & RT_TAKES_RESERVED && !reserved)
		return "this policy needs cores to be reserved for a class";
	if (!(policy->flags & RT_TAKES_RESERVED) && reserved)
		return "this policy reserves no cores for classes";
	return policy->init ? policy->init(state, params) : NULL;
}
