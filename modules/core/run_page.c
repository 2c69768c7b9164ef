// SPDX-License-Identifier: GPL-2.0
/*
 * Between the run page and the vCPU. Another thread may scribble on the page at
 * any moment, so it is copied once and the copy is checked: no state that the
 * CPU would refuse, or that is not the guest's to set, gets past here.
 */
#include <asm/processor-flags.h>

#include "core/vcpu.h"

/* Flags a guest may have; the rest is fixed (bit 1) or not for long mode (VM, VIF, VIP). */
#define RFLAGS_GUEST                                                           \
	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF |       \
	 X86_EFLAGS_SF | X86_EFLAGS_TF | X86_EFLAGS_IF | X86_EFLAGS_DF |       \
	 X86_EFLAGS_OF | X86_EFLAGS_IOPL | X86_EFLAGS_NT | X86_EFLAGS_RF |     \
	 X86_EFLAGS_AC | X86_EFLAGS_ID)

/* No CPU pushes more than these bits, and some refuse to. */
#define EXCEPTION_ERROR_MASK GENMASK(14, 0)

static bool canonical(u64 address)
{
	return (s64)(address << 16) >> 16 == (s64)address;
}

/* Ring 0 or 3, in the GDT; the stack's may be null in ring 0. */
static int selectors_check(u16 cs, u16 ss)
{
	const u16 ring = cs & 3;

	if ((ring != 0 && ring != 3) || (ss & 3) != ring)
		return -EINVAL;
	if (cs & 4 || ss & 4 || cs < 8 || (ring == 3 && ss < 8))
		return -EINVAL;
	return 0;
}

static int sregs_check(const struct vcpu *vcpu, const struct dune_sregs *s)
{
	if (s->reserved)
		return -EINVAL;
	if (!canonical(s->gdt_base) || !canonical(s->idt_base) ||
	    !canonical(s->tss_base) || !canonical(s->fs_base) ||
	    !canonical(s->gs_base) || !canonical(s->kernel_gs_base) ||
	    !canonical(s->lstar))
		return -EINVAL;
	/* An MSR of 32 bits. */
	if (s->sfmask >> 32)
		return -EINVAL;
	/* The guest has PCIDs where the host has. Beyond the slots nothing is mapped. */
	if ((s->cr3 & ~PAGE_MASK && !boot_cpu_has(X86_FEATURE_PCID)) ||
	    s->cr3 >= (u64)READ_ONCE(vcpu->vm->slots.n) << DUNE_SLOT_SHIFT)
		return -EINVAL;
	if (s->tr & 7)
		return -EINVAL;
	return selectors_check(s->cs, s->ss);
}

static int event_load(struct vcpu *vcpu, const struct dune_event *event,
		      u64 rflags)
{
	/* Exceptions that exist and may be injected: others no CPU accepts. */
	const u32 exceptions = GENMASK(19, 16) | GENMASK(14, 10) |
			       GENMASK(8, 3) | GENMASK(1, 0);

	if (event->reserved[0] || event->reserved[1] || event->reserved[2] ||
	    (event->vector < 32 && !(exceptions & BIT(event->vector))))
		return -EINVAL;
	if (vcpu->event.valid)
		return -EBUSY; /* one is still on its way */
	if (event->vector < 32) {
		if (event->error_code & ~EXCEPTION_ERROR_MASK)
			return -EINVAL;
		vcpu_queue_exception(vcpu, event->vector, event->error_code);
		vcpu->event_sets_cr2 = event->vector == 14;
		vcpu->event_cr2 = event->cr2;
		return 0;
	}
	if (!(rflags & X86_EFLAGS_IF))
		return -EINVAL;
	vcpu->event = (struct vcpu_event){
		.valid = true,
		.type = EVENT_INTERRUPT,
		.vector = event->vector,
	};
	return 0;
}

/* Without a call: every run asks. */
static bool reserved_is_zero(const struct dune_run *run)
{
	u64 any = 0;
	int i;

	BUILD_BUG_ON(sizeof(run->reserved[0]) != sizeof(any));
#pragma GCC unroll 2
	for (i = 0; i < ARRAY_SIZE(run->reserved); i++)
		any |= READ_ONCE(run->reserved[i]);
	return !any;
}

int run_page_load(struct vcpu *vcpu)
{
	struct dune_run *run = vcpu->run;
	/* The copy: what is wrong in it stays there until the next run. */
	struct dune_regs *regs = &vcpu->regs;
	u32 flags = READ_ONCE(run->flags);
	int error;

	if (flags & ~(DUNE_RUN_SREGS | DUNE_RUN_EVENT | DUNE_RUN_EVENT_WAITS) ||
	    !reserved_is_zero(run))
		return -EINVAL;
	*regs = run->regs;
	barrier();
	if (!canonical(regs->rip))
		return -EINVAL;
	regs->rflags = (regs->rflags & RFLAGS_GUEST) | X86_EFLAGS_FIXED;

	if (flags & DUNE_RUN_SREGS) {
		struct dune_sregs sregs;

		memcpy(&sregs, &run->sregs, sizeof(sregs));
		barrier();
		error = sregs_check(vcpu, &sregs);
		if (error)
			return error;
		backend->sregs_set(vcpu, &sregs);
		vcpu->has_sregs = true;
	} else if (!vcpu->has_sregs) {
		return -EINVAL; /* the first run has nothing to run with */
	}
	if (flags & DUNE_RUN_EVENT) {
		struct dune_event event;

		memcpy(&event, &run->event, sizeof(event));
		barrier();
		error = event_load(vcpu, &event, regs->rflags);
		if (error)
			return error;
	}
	/* An interrupt that met a fault is delivered again: IF may not be lost meanwhile. */
	if (vcpu->event.valid && vcpu->event.type == EVENT_INTERRUPT &&
	    !(regs->rflags & X86_EFLAGS_IF))
		return -EINVAL;
	if (unlikely(READ_ONCE(run->timer.vector) | READ_ONCE(run->shield)))
		vcpu->timer_work = true;
	WRITE_ONCE(run->flags, 0);
	return 0;
}

void run_page_store(struct vcpu *vcpu, u32 exit_reason)
{
	struct dune_run *run = vcpu->run;

	run->regs = vcpu->regs;
	run->hw_reason = vcpu->exit.hw_reason;
	WRITE_ONCE(run->flags, vcpu->event.valid ? DUNE_RUN_EVENT_WAITS : 0);
	WRITE_ONCE(run->exit_reason, exit_reason);
}
