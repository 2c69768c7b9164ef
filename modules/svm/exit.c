// SPDX-License-Identifier: GPL-2.0
/* Decode an SVM exit into a neutral one, and the event whose delivery it cut short. */
#include <asm/trapnr.h>

#include "svm/svm.h"

/* Of EXITINFO1 on a nested fault. */
#define NPF_WRITE BIT_ULL(1)
#define NPF_FETCH BIT_ULL(4)
#define NPF_TABLE_WALK BIT_ULL(33)

static enum vcpu_exit_reason reason_of(u64 code, u64 info1)
{
	switch (code) {
	case SVM_EXIT_INTR:
	case SVM_EXIT_NMI:
	case SVM_EXIT_SMI:
	case SVM_EXIT_INIT:
	case SVM_EXIT_FERR_FREEZE:
		return VCPU_EXIT_INTERRUPT;
	case SVM_EXIT_VINTR:
	case SVM_EXIT_IRET:
		return VCPU_EXIT_INTERRUPT_WINDOW;
	case SVM_EXIT_VMMCALL:
		return VCPU_EXIT_HYPERCALL;
	case SVM_EXIT_NPF:
		return VCPU_EXIT_TDP_FAULT;
	case SVM_EXIT_CPUID:
		return VCPU_EXIT_CPUID;
	case SVM_EXIT_IOIO:
		return VCPU_EXIT_IO;
	case SVM_EXIT_MSR:
		return info1 ? VCPU_EXIT_WRMSR : VCPU_EXIT_RDMSR;
	case SVM_EXIT_READ_CR0 ... SVM_EXIT_WRITE_CR8:
	case SVM_EXIT_CR0_SEL_WRITE:
		return VCPU_EXIT_CR_ACCESS;
	case SVM_EXIT_READ_DR0 ... SVM_EXIT_WRITE_DR7:
		return VCPU_EXIT_DR_ACCESS;
	case SVM_EXIT_HLT:
		return VCPU_EXIT_HLT;
	case SVM_EXIT_INVD:
	case SVM_EXIT_WBINVD:
		return VCPU_EXIT_INVD;
	case SVM_EXIT_RDPMC:
	case SVM_EXIT_RDPRU:
		return VCPU_EXIT_RDPMC;
	case SVM_EXIT_XSETBV:
		return VCPU_EXIT_XSETBV;
	case SVM_EXIT_TASK_SWITCH:
		return VCPU_EXIT_TASK_SWITCH;
	case SVM_EXIT_MONITOR:
	case SVM_EXIT_MWAIT:
	case SVM_EXIT_MWAIT_COND:
		return VCPU_EXIT_MWAIT;
	case SVM_EXIT_VMRUN:
	case SVM_EXIT_VMLOAD:
	case SVM_EXIT_VMSAVE:
	case SVM_EXIT_STGI:
	case SVM_EXIT_CLGI:
	case SVM_EXIT_SKINIT:
	case SVM_EXIT_INVLPGA:
	case SVM_EXIT_RSM:
	case SVM_EXIT_INVPCID:
	case 0x0a0: /* INVLPGB */
	case 0x0a1: /* illegal INVLPGB */
	case 0x0a3: /* MCOMMIT */
	case 0x0a4: /* TLBSYNC */
		return VCPU_EXIT_VIRT_INSN;
	case SVM_EXIT_EXCP_BASE + X86_TRAP_DB:
	case SVM_EXIT_ICEBP:
		return VCPU_EXIT_DEBUG;
	case SVM_EXIT_EXCP_BASE + X86_TRAP_AC:
		return VCPU_EXIT_ALIGN;
	case SVM_EXIT_EXCP_BASE + X86_TRAP_MC:
		return VCPU_EXIT_MACHINE_CHECK;
	case SVM_EXIT_SHUTDOWN:
		return VCPU_EXIT_SHUTDOWN;
	case SVM_EXIT_ERR & U32_MAX:
		return VCPU_EXIT_ENTRY_FAILED;
	default:
		return VCPU_EXIT_UNKNOWN;
	}
}

/* The same; those that come often are found first. */
static enum vcpu_exit_reason reason_find(u64 code, u64 info1)
{
	if (code == SVM_EXIT_INTR)
		return VCPU_EXIT_INTERRUPT;
	if (code == SVM_EXIT_VMMCALL)
		return VCPU_EXIT_HYPERCALL;
	if (code == SVM_EXIT_NPF)
		return VCPU_EXIT_TDP_FAULT;
	if (code == SVM_EXIT_CPUID)
		return VCPU_EXIT_CPUID;
	return reason_of(code, info1);
}

/* Whether the event that was cut short is the one that this entry injected. */
static bool was_injected(const struct svm_vcpu *svm, u32 info)
{
	const u32 event = SVM_EXITINTINFO_VALID | SVM_EXITINTINFO_TYPE_MASK |
			  SVM_EXITINTINFO_VEC_MASK;

	return !((svm->injected ^ info) & event) &&
	       svm->injected_rip == svm->vmcb->save.rip;
}

/*
 * A nested fault met while the CPU pushed an exception frame: the event is lost
 * unless it is delivered again. INT n, INT3 and INTO need no help: the
 * instruction pointer is still on them and they execute again. The CPU calls
 * the last two exceptions, as it does a #BP or #OF that was injected.
 */
static void event_recover(struct vcpu *vcpu,
			  const struct vmcb_control_area *control)
{
	u32 info = control->exit_int_info;
	u8 vector = info & SVM_EXITINTINFO_VEC_MASK;
	enum event_type type;

	switch (info & SVM_EXITINTINFO_TYPE_MASK) {
	case SVM_EXITINTINFO_TYPE_INTR:
		type = EVENT_INTERRUPT;
		break;
	case SVM_EXITINTINFO_TYPE_NMI:
		type = EVENT_NMI;
		break;
	case SVM_EXITINTINFO_TYPE_EXEPT:
		if ((vector == X86_TRAP_BP || vector == X86_TRAP_OF) &&
		    !was_injected(to_svm(vcpu), info))
			return;
		type = EVENT_EXCEPTION;
		break;
	default:
		return;
	}
	vcpu->counts.events_reinjected++;
	vcpu->event = (struct vcpu_event){
		.valid = true,
		.type = type,
		.vector = vector,
		.has_error = info & SVM_EXITINTINFO_VALID_ERR,
		.error_code = control->exit_int_info_err,
	};
}

/* Not taken, as an interrupt of the host came first, it is offered again. */
static void offer_end(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_control_area *control = &svm->vmcb->control;
	u32 *info = &control->exit_int_info;

	svm->offered = false;
	__set_bit(INTERCEPT_VINTR, (unsigned long *)control->intercepts);
	__clear_bit(INTERCEPT_IRET, (unsigned long *)control->intercepts);
	if (*info & SVM_EXITINTINFO_VALID) { /* the same machine calls it an exception */
		if ((*info & SVM_EXITINTINFO_VEC_MASK) == control->int_vector &&
		    (*info & SVM_EXITINTINFO_TYPE_MASK) == SVM_EXITINTINFO_TYPE_EXEPT)
			*info &= ~SVM_EXITINTINFO_TYPE_MASK; /* SVM_EXITINTINFO_TYPE_INTR */
	} else if (control->int_ctl & V_IRQ_MASK) {
		vcpu->event = (struct vcpu_event){
			.valid = true,
			.type = EVENT_INTERRUPT,
			.vector = control->int_vector,
		};
	}
	control->int_ctl = V_INTR_MASKING_MASK;
}

void svm_exit_decode(struct vcpu *vcpu)
{
	const struct vmcb *vmcb = to_svm(vcpu)->vmcb;
	const struct vmcb_control_area *control = &vmcb->control;
	struct vcpu_exit *exit = &vcpu->exit;

	exit->hw_reason = control->exit_code;
	exit->reason = reason_find(control->exit_code, control->exit_info_1);
	exit->cpl = vmcb->save.cpl;
	switch (exit->reason) {
	case VCPU_EXIT_TDP_FAULT:
		exit->gpa = control->exit_info_2;
		exit->access =
			(control->exit_info_1 & NPF_WRITE ? TDP_ACCESS_WRITE : 0) |
			(control->exit_info_1 & NPF_FETCH ? TDP_ACCESS_EXEC : 0) |
			(control->exit_info_1 & NPF_TABLE_WALK ?
				 TDP_ACCESS_TABLE : 0);
		break;
	case VCPU_EXIT_ALIGN:
		exit->error_code = control->exit_info_1;
		break;
	case VCPU_EXIT_DEBUG:
		/* INT1 traps behind itself, but its intercept comes before. */
		if (control->exit_code == SVM_EXIT_ICEBP)
			svm_rip_advance(vcpu, 1);
		break;
	default:
		break;
	}
	if (unlikely(to_svm(vcpu)->offered))
		offer_end(vcpu);
	if (control->exit_int_info & SVM_EXITINTINFO_VALID)
		event_recover(vcpu, control);
}

void svm_rip_advance(struct vcpu *vcpu, unsigned int length)
{
	struct vmcb *vmcb = to_svm(vcpu)->vmcb;

	/* Without next-RIP saving (QEMU) the plain encoding's length must do. */
	if (svm_features.nrips && vmcb->control.next_rip)
		vcpu->regs.rip = vmcb->control.next_rip;
	else
		vcpu->regs.rip += length;
	vmcb->control.int_state &= ~SVM_INTERRUPT_SHADOW_MASK;
}
