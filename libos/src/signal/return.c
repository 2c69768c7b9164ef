// SPDX-License-Identifier: MIT
/* rt_sigreturn: the guest's registers from its frame, the rest by Linux's own. */
#include <signal.h>

#include "../guest.h"
#include "../monitor.h"
#include "../thread.h"
#include "signal.h"

/* What a program may have in its flags. Ring 0 has IF of its own; ring 3 always has it set. */
#define RFLAGS_OF_PROGRAM 0x50fd5ull /* AC RF OF DF IF TF SF ZF AF PF CF */

static void regs_load(struct dune_regs *to, const struct signal_regs *from)
{
	*to = (struct dune_regs){
		.rax = from->rax, .rcx = from->rcx, .rdx = from->rdx, .rbx = from->rbx,
		.rsp = from->rsp, .rbp = from->rbp, .rsi = from->rsi, .rdi = from->rdi,
		.r8 = from->r8, .r9 = from->r9, .r10 = from->r10, .r11 = from->r11,
		.r12 = from->r12, .r13 = from->r13, .r14 = from->r14, .r15 = from->r15,
		.rip = from->rip,
		.rflags = (from->rflags & RFLAGS_OF_PROGRAM) | RFLAGS_ALWAYS |
			  (monitor_on() ? RFLAGS_IF : 0),
	};
}

/*
 * Linux's rt_sigreturn loads the vector registers (and checks their image), the
 * mask, and registers of the host side that lead back into the loop.
 */
void signal_return(struct dune_thread *thread)
{
	/* Where the handler's return left it: past the return address. */
	uint64_t frame = thread->run->regs.rsp - 8;
	struct signal_context context;

	/* Until Linux loads the frame's mask; nothing is put off any more from then on. */
	signal_defer(thread);
	if (monitor_overlaps(frame, frame + 8 + sizeof(context)) ||
	    !guest_read(&context, frame + 8, sizeof(context)) || context.regs.rip >> 47 ||
	    (context.regs.fpstate &&
	     monitor_overlaps(context.regs.fpstate, context.regs.fpstate + trap_xsave_size))) {
		signal_force(thread, SIGSEGV, SI_KERNEL, 0);
		return;
	}
	regs_load(&thread->run->regs, &context.regs);
	monitor_to_ring3(thread);
	altstack_set(thread, &context.stack, context.regs.rsp);
	context.regs.cs = CS_USER;
	context.regs.ss = SS_USER;
	signal_resume(thread, &context);
	/* The host side has no alternate stack: an invalid one leaves it at that. */
	context.stack.flags = -1;
	thread->deferred = 0;
	host_sigreturn(&context);
}
