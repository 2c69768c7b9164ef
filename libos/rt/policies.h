/* SPDX-License-Identifier: MIT */
/* The list of policies; one file each. */
#ifndef RT_POLICIES_H
#define RT_POLICIES_H

#include "policy.h"

#define RT_POLICIES(X) \
	X(cfcfs)      \
	X(dfcfs)      \
	X(steal)      \
	X(rr)         \
	X(priority)   \
	X(edf)        \
	X(sjf)        \
	X(srpt)       \
	X(darc)

#define RT_DECLARE(name) extern const struct rt_policy rt_##name;
RT_POLICIES(RT_DECLARE)
#undef RT_DECLARE

#endif
