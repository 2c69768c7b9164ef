// SPDX-License-Identifier: MIT
/* System calls of ring 3, seen by ring 0: nothing done, passed on to Linux, answered. */
#include <dune.h>
#include <errno.h>
#include <sys/syscall.h>

#include "micro/area.h"
#include "micro/groups.h"
#include "micro/measure.h"

/* Ring 3's code, a page of its own: getpid, again and again. */
asm(".pushsection .text\n.balign 4096\nring3: mov $39, %eax\nsyscall\njmp ring3\n"
	".balign 4096\n.popsection\n");
extern char ring3[];

static void run(struct dune_user_state *state)
{
	if (dune_user_run(state) != DUNE_USER_SYSCALL || state->regs.rax != SYS_getpid)
		give_up("ring 3");
}

static void pass(struct dune_user_state *state)
{
	struct dune_syscall call;

	run(state);
	call.nr = state->regs.rax;
	call.args[0] = state->regs.rdi;
	call.args[1] = state->regs.rsi;
	call.args[2] = state->regs.rdx;
	call.args[3] = state->regs.r10;
	call.args[4] = state->regs.r8;
	call.args[5] = state->regs.r9;
	state->regs.rax = (uint64_t)dune_syscall_forward(&call);
}

static void answer(struct dune_user_state *state)
{
	run(state);
	state->regs.rax = 1;
}

void group_interpose(const struct plan *plan)
{
	struct dune_user_state state = { .regs.rip = (uint64_t)ring3 };
	const char *who = "dune";

	errno = -dune_vm_protect(ring3, PAGE, DUNE_PROT_READ | DUNE_PROT_EXEC | DUNE_PROT_USER);
	if (errno)
		give_up("dune_vm_protect");
	MEASURE("ring3", plan->iterations, run(&state));
	MEASURE("interpose_pass", plan->iterations, pass(&state));
	MEASURE("interpose_answer", plan->iterations, answer(&state));
}
