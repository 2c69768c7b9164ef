/* SPDX-License-Identifier: MIT */
/* What Linux pushes for a signal on x86-64: struct rt_sigframe of arch/x86/include/asm. */
#ifndef DUNE_SRC_SIGNAL_FRAME_H
#define DUNE_SRC_SIGNAL_FRAME_H

#include <stdbool.h>

#include "state.h"

#define CS_USER 0x33 /* what a process sees of its segments */
#define SS_USER 0x2b

/* struct sigcontext. */
struct signal_regs {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
	uint16_t cs, gs, fs, ss;
	uint64_t error_code, trapno, oldmask, cr2;
	uint64_t fpstate; /* address of an XSAVE image, 0 for the initial state */
	uint64_t reserved[8];
};

/* struct ucontext; the kernel's, whose mask is one word. */
struct signal_context {
	uint64_t flags, link;
	struct signal_stack stack;
	struct signal_regs regs;
	uint64_t mask;
};

struct signal_frame {
	uint64_t return_address;
	struct signal_context context;
	struct signal_info info;
};

struct dune_thread;
struct dune_regs;

/*
 * Begin the handler of action in the guest: push a frame for regs, whose vector
 * registers are what host says, and point thread's registers at the handler.
 * False if the stack has no room for it.
 */
bool frame_push(struct dune_thread *thread, const struct dune_regs *regs,
		const struct signal_action *action, const struct signal_info *info,
		const struct signal_context *host);

#endif
