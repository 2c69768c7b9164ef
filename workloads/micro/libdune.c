// SPDX-License-Identifier: MIT
/* What libdune's users see: the things of calls.c, and an exception handled in ring 0. */
#include <dune.h>
#include <errno.h>
#include <stdlib.h>

#include "micro/area.h"
#include "micro/groups.h"

static void on_ud2(struct dune_trap_frame *frame, void *arg)
{
	(void)arg;
	frame->rip += 2;
}

static void must(int error, const char *what)
{
	errno = -error;
	if (error)
		give_up(what);
}

void group_libdune(const struct plan *plan)
{
	struct series trap = { plan->batches, plan->iterations, { 0 }, { 0 } };

	group_start(plan, "dune", true);
	must(dune_init(NULL), "dune_init");
	must(dune_enter(), "dune_enter");
	group_calls(plan, "dune");
	must(dune_trap_set(DUNE_TRAP_UD, on_ud2, NULL), "dune_trap_set");
	if (series_wanted(plan, "dune.exception")) {
		SERIES_RUN(trap.empty, trap.batches, trap.iterations, NOTHING);
		SERIES_RUN(trap.ticks, trap.batches, trap.iterations, asm volatile("ud2"));
		series_print("dune.exception", &trap);
	}
	must(dune_leave(), "dune_leave");
}
