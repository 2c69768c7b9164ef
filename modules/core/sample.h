/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's registers for perf, which takes those of a tracepoint's caller. In
 * the handler that the kernel's trace/perf.h makes of an event they are at __regs,
 * filled in before the event's fields are: an event that calls sample_regs() among
 * those replaces them. Everywhere else __regs is the one below.
 */
#ifndef DUNE_CORE_SAMPLE_H
#define DUNE_CORE_SAMPLE_H

#include <linux/ptrace.h>
#include <asm/segment.h>
#include "dune.h"

static struct pt_regs *const __regs __maybe_unused;

/* As of ring 3: the guest's memory is the process's own, so are its symbols and frames. */
static inline void sample_regs(struct pt_regs *to, const struct dune_regs *from)
{
	if (!to)
		return;
	*to = (struct pt_regs){
		.ax = from->rax, .cx = from->rcx, .dx = from->rdx, .bx = from->rbx,
		.sp = from->rsp, .bp = from->rbp, .si = from->rsi, .di = from->rdi,
		.r8 = from->r8, .r9 = from->r9, .r10 = from->r10, .r11 = from->r11,
		.r12 = from->r12, .r13 = from->r13, .r14 = from->r14, .r15 = from->r15,
		.ip = from->rip, .flags = from->rflags,
		.cs = __USER_CS, .ss = __USER_DS, .orig_ax = -1,
	};
}

#endif
