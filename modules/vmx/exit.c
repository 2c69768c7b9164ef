// SPDX-License-Identifier: GPL-2.0
/* Decode a VMX exit into a neutral one, and the event whose delivery it cut short. */
#include <asm/trapnr.h>

#include "core/machine_check.h"
#include "vmx/insn.h"
#include "vmx/vmx.h"

/* Not in the kernel's list of those that KVM handles. */
#define REASON_GETSEC 11
#define REASON_RSM 17
#define REASON_IO_SMI 5
#define REASON_SMI 6

#define RIGHTS_DPL_SHIFT 5

/* The host's own handlers for what ended the guest before they could run. */
static void host_event_handle(const struct vmx_exit *exit)
{
	u8 vector = exit->interrupt & INTR_INFO_VECTOR_MASK;

	if (vector == X86_TRAP_NMI)
		asm volatile("int $2"); /* its IRET ends the blocking of NMIs, too */
	else if (vector == X86_TRAP_MC)
		host_machine_check();
}

/* Of an instruction that exits whenever it runs: no event can be on its way then. */
static void instruction_read(struct vmx_exit *exit, u32 reason)
{
	exit->vectoring = 0;
	exit->length = vmcs_read(VM_EXIT_INSTRUCTION_LEN);
	/* The stack segment's privilege is the guest's. */
	if (reason == EXIT_REASON_VMCALL)
		exit->cpl = vmcs_read(GUEST_SS_AR_BYTES) >> RIGHTS_DPL_SHIFT & 3;
}

void vmx_exit_read(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	struct vmx_exit *exit = &vmx->exit;
	u32 reason = vmcs_read(VM_EXIT_REASON);

	exit->reason = reason;
	vcpu->regs.rip = vmx->rip = vmcs_read(GUEST_RIP);
	vcpu->regs.rsp = vmx->rsp = vmcs_read(GUEST_RSP);
	vcpu->regs.rflags = vmx->rflags = vmcs_read(GUEST_RFLAGS);
	if (reason == EXIT_REASON_VMCALL || reason == EXIT_REASON_CPUID) {
		instruction_read(exit, reason);
		return;
	}

	exit->vectoring = vmcs_read(IDT_VECTORING_INFO_FIELD);
	if (exit->vectoring & VECTORING_INFO_DELIVER_CODE_MASK)
		exit->vectoring_error = vmcs_read(IDT_VECTORING_ERROR_CODE);
	switch ((u16)reason) { /* a refused entry has a flag above */
	case EXIT_REASON_EPT_VIOLATION:
		/*
		 * Whether an IRET had unblocked NMIs is not looked at: that is
		 * told where the guest has NMIs of its own, and this one never
		 * has. Host NMIs are never blocked in the guest.
		 */
		exit->qualification = vmcs_read(EXIT_QUALIFICATION);
		exit->gpa = vmcs_read(GUEST_PHYSICAL_ADDRESS);
		break;
	case EXIT_REASON_EXCEPTION_NMI:
		exit->interrupt = vmcs_read(VM_EXIT_INTR_INFO);
		if (exit->interrupt & INTR_INFO_DELIVER_CODE_MASK)
			exit->error_code = vmcs_read(VM_EXIT_INTR_ERROR_CODE);
		exit->length = vmcs_read(VM_EXIT_INSTRUCTION_LEN);
		host_event_handle(exit);
		break;
	case EXIT_REASON_MCE_DURING_VMENTRY:
		host_machine_check();
		break;
	}
}

/* One number for all: exceptions by vector, refused entries as one. */
#define EXCEPTION(vector) (0x10000 + (vector))

static u32 exit_code(const struct vmx_exit *exit)
{
	if ((u16)exit->reason == EXIT_REASON_MCE_DURING_VMENTRY)
		return EXIT_REASON_MCE_DURING_VMENTRY;
	if (exit->reason & VMX_EXIT_REASONS_FAILED_VMENTRY)
		return VMX_EXIT_REASONS_FAILED_VMENTRY;
	if (exit->reason == EXIT_REASON_EXCEPTION_NMI)
		return EXCEPTION(exit->interrupt & INTR_INFO_VECTOR_MASK);
	return exit->reason;
}

static enum vcpu_exit_reason reason_of(u32 code)
{
	switch (code) {
	case EXCEPTION(X86_TRAP_NMI):
	case EXIT_REASON_EXTERNAL_INTERRUPT:
	case EXIT_REASON_INIT_SIGNAL:
	case EXIT_REASON_SIPI_SIGNAL:
	case REASON_IO_SMI:
	case REASON_SMI:
		return VCPU_EXIT_INTERRUPT;
	case EXIT_REASON_INTERRUPT_WINDOW:
		return VCPU_EXIT_INTERRUPT_WINDOW;
	case EXIT_REASON_PREEMPTION_TIMER:
		return VCPU_EXIT_TIMER;
	case EXIT_REASON_VMCALL:
		return VCPU_EXIT_HYPERCALL;
	case EXIT_REASON_EPT_VIOLATION:
		return VCPU_EXIT_TDP_FAULT;
	case EXIT_REASON_CPUID:
		return VCPU_EXIT_CPUID;
	case EXIT_REASON_IO_INSTRUCTION:
		return VCPU_EXIT_IO;
	case EXIT_REASON_MSR_READ:
		return VCPU_EXIT_RDMSR;
	case EXIT_REASON_MSR_WRITE:
		return VCPU_EXIT_WRMSR;
	case EXIT_REASON_CR_ACCESS:
		return VCPU_EXIT_CR_ACCESS;
	case EXIT_REASON_DR_ACCESS:
		return VCPU_EXIT_DR_ACCESS;
	case EXIT_REASON_HLT:
		return VCPU_EXIT_HLT;
	case EXIT_REASON_INVD:
	case EXIT_REASON_WBINVD:
		return VCPU_EXIT_INVD;
	case EXIT_REASON_RDPMC:
		return VCPU_EXIT_RDPMC;
	case EXIT_REASON_XSETBV:
		return VCPU_EXIT_XSETBV;
	case EXIT_REASON_TASK_SWITCH:
		return VCPU_EXIT_TASK_SWITCH;
	case EXIT_REASON_MONITOR_INSTRUCTION:
	case EXIT_REASON_MWAIT_INSTRUCTION:
	case EXIT_REASON_UMWAIT:
	case EXIT_REASON_TPAUSE:
		return VCPU_EXIT_MWAIT;
	case EXIT_REASON_VMCLEAR ... EXIT_REASON_VMON:
	case EXIT_REASON_INVEPT:
	case EXIT_REASON_INVVPID:
	case EXIT_REASON_INVPCID:
	case EXIT_REASON_VMFUNC:
	case EXIT_REASON_ENCLS:
	case EXIT_REASON_XSAVES:
	case EXIT_REASON_XRSTORS:
	case REASON_GETSEC:
	case REASON_RSM:
		return VCPU_EXIT_VIRT_INSN;
	case EXCEPTION(X86_TRAP_DB):
		return VCPU_EXIT_DEBUG;
	case EXCEPTION(X86_TRAP_AC):
		return VCPU_EXIT_ALIGN;
	case EXCEPTION(X86_TRAP_MC):
	case EXIT_REASON_MCE_DURING_VMENTRY:
		return VCPU_EXIT_MACHINE_CHECK;
	case EXIT_REASON_TRIPLE_FAULT:
		return VCPU_EXIT_SHUTDOWN;
	case VMX_EXIT_REASONS_FAILED_VMENTRY:
		return VCPU_EXIT_ENTRY_FAILED;
	default:
		return VCPU_EXIT_UNKNOWN;
	}
}

/* The same; those that come often are found first. */
static enum vcpu_exit_reason reason_find(const struct vmx_exit *exit)
{
	u32 reason = exit->reason;

	if (reason == EXIT_REASON_VMCALL)
		return VCPU_EXIT_HYPERCALL;
	if (reason == EXIT_REASON_EPT_VIOLATION)
		return VCPU_EXIT_TDP_FAULT;
	if (reason == EXIT_REASON_CPUID)
		return VCPU_EXIT_CPUID;
	return reason_of(exit_code(exit));
}

/*
 * An exit met while the CPU pushed an exception frame: the event is lost unless
 * it is delivered again. INT n, INT3, INTO and INT1 need no help: the
 * instruction pointer is still on them and they execute again.
 */
static void event_recover(struct vcpu *vcpu, const struct vmx_exit *exit)
{
	enum event_type type;

	if (!(exit->vectoring & VECTORING_INFO_VALID_MASK))
		return;
	switch (exit->vectoring & VECTORING_INFO_TYPE_MASK) {
	case INTR_TYPE_EXT_INTR:
		type = EVENT_INTERRUPT;
		break;
	case INTR_TYPE_NMI_INTR:
		type = EVENT_NMI;
		break;
	case INTR_TYPE_HARD_EXCEPTION:
		type = EVENT_EXCEPTION;
		break;
	default:
		return;
	}
	vcpu->counts.events_reinjected++;
	vcpu->event = (struct vcpu_event){
		.valid = true,
		.type = type,
		.vector = exit->vectoring & VECTORING_INFO_VECTOR_MASK,
		.has_error = exit->vectoring & VECTORING_INFO_DELIVER_CODE_MASK,
		.error_code = exit->vectoring_error,
	};
}

static u32 access_of(u64 qualification)
{
	const u64 table_walk = EPT_VIOLATION_GVA_IS_VALID;
	const u64 kind = EPT_VIOLATION_GVA_IS_VALID | EPT_VIOLATION_GVA_TRANSLATED;

	return (qualification & EPT_VIOLATION_ACC_WRITE ? TDP_ACCESS_WRITE : 0) |
	       (qualification & EPT_VIOLATION_ACC_INSTR ? TDP_ACCESS_EXEC : 0) |
	       ((qualification & kind) == table_walk ? TDP_ACCESS_TABLE : 0);
}

void vmx_exit_decode(struct vcpu *vcpu)
{
	const struct vmx_exit *hw = &to_vmx(vcpu)->exit;
	struct vcpu_exit *exit = &vcpu->exit;

	exit->hw_reason = hw->reason;
	exit->reason = reason_find(hw);
	exit->cpl = hw->cpl;
	switch (exit->reason) {
	case VCPU_EXIT_TDP_FAULT:
		exit->gpa = hw->gpa;
		exit->access = access_of(hw->qualification);
		break;
	case VCPU_EXIT_ALIGN:
		exit->error_code = hw->error_code;
		break;
	case VCPU_EXIT_DEBUG:
		/* INT1 traps behind itself, but its exit comes before. */
		if ((hw->interrupt & INTR_INFO_INTR_TYPE_MASK) ==
		    INTR_TYPE_PRIV_SW_EXCEPTION)
			vmx_rip_advance(vcpu, hw->length);
		break;
	default:
		break;
	}
	event_recover(vcpu, hw);
}

void vmx_rip_advance(struct vcpu *vcpu, unsigned int length)
{
	vcpu->regs.rip += to_vmx(vcpu)->exit.length ?: length;
}
