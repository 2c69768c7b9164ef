// SPDX-License-Identifier: MIT
/* What libdune's users see: a forwarded system call, and an exception handled in ring 0. */
#include <dune.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

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
	struct series call = { plan->batches, plan->iterations, { 0 }, { 0 } };
	struct series trap = call;

	must(dune_init(NULL), "dune_init");
	must(dune_enter(), "dune_enter");
	if (series_wanted(plan, "dune.syscall")) {
		SERIES_RUN(call.empty, call.batches, call.iterations, NOTHING);
		SERIES_RUN(call.ticks, call.batches, call.iterations, syscall(SYS_getpid));
		series_print("dune.syscall", &call);
	}
	must(dune_trap_set(DUNE_TRAP_UD, on_ud2, NULL), "dune_trap_set");
	if (series_wanted(plan, "dune.exception")) {
		SERIES_RUN(trap.empty, trap.batches, trap.iterations, NOTHING);
		SERIES_RUN(trap.ticks, trap.batches, trap.iterations, asm volatile("ud2"));
		series_print("dune.exception", &trap);
	}
	must(dune_leave(), "dune_leave");
}
