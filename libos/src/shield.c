// SPDX-License-Identifier: MIT
/* The shield: a word of the run page. */
#include <errno.h>

#include <dune/shield.h>

#include "live.h"
#include "section.h"

int dune_shield_begin(uint64_t until)
{
	struct dune_thread *thread = thread_here();

	if (!thread)
		return -EPERM;
	if (!(dune_process.features & DUNE_FEATURE_SHIELD))
		return -ENOTSUP;
	live_set(&thread->run->shield, until);
	live_look();
	/* It may be over already. */
	if (live_get(&thread->run->shielded) || __builtin_ia32_rdtsc() >= until)
		return 0;
	live_set(&thread->run->shield, 0);
	return -EACCES;
}

int dune_shield_end(void)
{
	struct dune_thread *thread = thread_here();

	if (!thread)
		return -EPERM;
	if (live_get(&thread->run->shield)) {
		live_set(&thread->run->shield, 0);
		live_look();
	}
	return 0;
}
