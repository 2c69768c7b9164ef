// SPDX-License-Identifier: MIT
/* From one set of page tables of the process to another. */
#include <dune.h>
#include <errno.h>

#include "micro/area.h"
#include "micro/groups.h"
#include "micro/measure.h"

static void enter(int root)
{
	int before = dune_root_switch(root);

	errno = -before;
	if (before < 0)
		give_up("dune_root_switch");
}

void group_roots(const struct plan *plan)
{
	const char *who = "dune";
	int other = dune_root_create(DUNE_ROOT_CURRENT);

	errno = -other;
	if (other < 0)
		give_up("dune_root_create");
	MEASURE("switch", plan->iterations, enter(i & 1 ? DUNE_ROOT_DEFAULT : other));
	enter(DUNE_ROOT_DEFAULT);
	dune_root_free(other);
}
