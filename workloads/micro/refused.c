// SPDX-License-Identifier: MIT
/* Privileged instructions that a guest of ours may not execute: an exit, and #GP to its handler. */
#include <dune.h>
#include <errno.h>

#include "micro/area.h"
#include "micro/groups.h"
#include "micro/measure.h"

#define MSR_APIC_BASE 0x1b
#define PORT 0x80
#define BYTES 2 /* of both instructions */

static void skip(struct dune_trap_frame *frame, void *arg)
{
	(void)arg;
	frame->rip += BYTES;
}

static void handle(dune_trap_handler handler)
{
	errno = -dune_trap_set(DUNE_TRAP_GP, handler, NULL);
	if (errno)
		give_up("dune_trap_set");
}

void group_refused(const struct plan *plan)
{
	const char *who = "dune";

	handle(skip);
	MEASURE("exit_msr", plan->iterations,
		asm volatile("rdmsr" ::"c"(MSR_APIC_BASE) : "rax", "rdx"));
	MEASURE("exit_io", plan->iterations, asm volatile("outb %%al, %0" ::"N"(PORT) : "rax"));
	handle(NULL);
}
