// SPDX-License-Identifier: MIT
/* What libdune gives: the things of calls.c, an exception handled in ring 0, ring 3 under it. */
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

/* Ring 3's code, a page of its own: system calls, one after the other. */
asm(".pushsection .text\n.balign 4096\nring3: syscall\njmp ring3\n.balign 4096\n.popsection\n");
extern char ring3[];

static void must(int error, const char *what)
{
	errno = -error;
	if (error)
		give_up(what);
}

void group_libdune(const struct plan *plan)
{
	struct series trap = { plan->batches, plan->iterations, { 0 }, { 0 } };
	struct series there = { plan->batches, plan->iterations, { 0 }, { 0 } };
	struct dune_user_state state = { .regs.rip = (uint64_t)ring3 };

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
	must(dune_vm_protect(ring3, PAGE, DUNE_PROT_READ | DUNE_PROT_EXEC | DUNE_PROT_USER),
	     "dune_vm_protect");
	if (series_wanted(plan, "dune.ring3")) {
		SERIES_RUN(there.empty, there.batches, there.iterations, NOTHING);
		SERIES_RUN(there.ticks, there.batches, there.iterations, dune_user_run(&state));
		series_print("dune.ring3", &there);
	}
	must(dune_leave(), "dune_leave");
}
