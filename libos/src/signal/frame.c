// SPDX-License-Identifier: MIT
/* Signal frames on the guest's stack. */
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "../guest.h"
#include "../monitor.h"
#include "../thread.h"
#include "signal.h"

#define RED_ZONE 128
#define SA_RESTORER 0x04000000ull
#define RFLAGS_HANDLER_CLEARS (1ull << 8 | 1ull << 10 | 1ull << 16) /* TF, DF, RF */

/* At offset 464 of the FXSAVE area: Linux's struct _fpx_sw_bytes. */
#define FP_MAGIC 0x46505853u
struct fpx_software {
	uint32_t magic, extended_size;
};

_Static_assert(sizeof(struct signal_info) == 128, "siginfo_t");
_Static_assert(sizeof(struct signal_regs) == 256, "struct sigcontext");
_Static_assert(offsetof(struct signal_context, mask) == 296, "struct ucontext");

static uint64_t fpstate_size(uint64_t fpstate)
{
	const struct fpx_software *software = (const void *)(fpstate + 464);

	if (!fpstate)
		return 0;
	return software->magic == FP_MAGIC ? software->extended_size : 512;
}

static void copy_bytes(uint64_t to, uint64_t from, uint64_t n)
{
	asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
}

static void regs_fill(struct signal_regs *to, const struct dune_regs *from)
{
	to->r8 = from->r8;
	to->r9 = from->r9;
	to->r10 = from->r10;
	to->r11 = from->r11;
	to->r12 = from->r12;
	to->r13 = from->r13;
	to->r14 = from->r14;
	to->r15 = from->r15;
	to->rdi = from->rdi;
	to->rsi = from->rsi;
	to->rbp = from->rbp;
	to->rbx = from->rbx;
	to->rdx = from->rdx;
	to->rax = from->rax;
	to->rcx = from->rcx;
	to->rsp = from->rsp;
	to->rip = from->rip;
	to->rflags = from->rflags;
	to->cs = CS_USER;
	to->ss = SS_USER;
	to->gs = to->fs = 0;
}

bool frame_push(struct dune_thread *thread, const struct dune_regs *regs,
		const struct signal_action *action, const struct signal_info *info,
		const struct signal_context *host)
{
	struct signal_stack altstack = altstack_get(thread, regs->rsp);
	struct dune_regs *guest = &thread->run->regs;
	uint64_t sp = regs->rsp - RED_ZONE, fpstate, fp_size = fpstate_size(host->regs.fpstate);
	bool onto_altstack = action->flags & SA_ONSTACK && altstack.size &&
			     !(altstack.flags & SS_ONSTACK);
	struct signal_frame *frame;

	if (!(action->flags & SA_RESTORER))
		return false;
	if (onto_altstack)
		sp = altstack.sp + altstack.size;
	sp = fpstate = (sp - fp_size) & ~63ull;
	sp = ((sp - sizeof(*frame)) & ~15ull) - 8;
	if ((onto_altstack || altstack.flags & SS_ONSTACK) &&
	    sp - altstack.sp > altstack.size)
		return false; /* it would run off the alternate stack */
	if (action->handler >> 47 || monitor_overlaps(sp, fpstate + fp_size) ||
	    !guest_writable(sp, fpstate + fp_size - sp))
		return false;

	frame = (struct signal_frame *)sp;
	frame->return_address = action->restorer;
	frame->context.flags = host->flags;
	frame->context.link = 0;
	frame->context.stack = altstack;
	frame->context.regs = host->regs; /* for what a fault left there, and fpstate */
	regs_fill(&frame->context.regs, regs);
	frame->context.regs.oldmask = host->mask;
	frame->context.mask = host->mask;
	if (thread->signal_fault.signal == info->signo) {
		frame->context.regs.trapno = thread->signal_fault.trapno;
		frame->context.regs.error_code = thread->signal_fault.error_code;
		frame->context.regs.cr2 = thread->signal_fault.cr2;
	}
	frame->info = *info;
	if (fp_size) {
		copy_bytes(fpstate, host->regs.fpstate, fp_size);
		frame->context.regs.fpstate = fpstate;
	}
	if (onto_altstack && altstack.flags < 0) /* SS_AUTODISARM */
		thread->altstack = (struct signal_stack){ 0 };

	*guest = *regs;
	guest->rip = action->handler;
	guest->rsp = sp;
	guest->rdi = (uint64_t)info->signo;
	guest->rsi = (uint64_t)&frame->info;
	guest->rdx = (uint64_t)&frame->context;
	guest->rax = 0; /* no vector arguments, for handlers without a prototype */
	guest->rflags &= ~RFLAGS_HANDLER_CLEARS;
	return true;
}
