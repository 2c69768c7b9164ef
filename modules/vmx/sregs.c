// SPDX-License-Identifier: GPL-2.0
/* System state in and out of the VMCS. It goes in at the next entry, where the VMCS is at hand. */
#include <linux/preempt.h>

#include "vmx/insn.h"
#include "vmx/vmx.h"

/* Access rights: the descriptor's bits, and one that says there is no segment. */
#define RIGHTS_CODE64 0xa09b /* long, present, ring 0, execute/read, accessed */
#define RIGHTS_DATA 0xc093   /* present, ring 0, read/write, accessed */
#define RIGHTS_TSS64 0x008b  /* present, busy 64-bit TSS */
#define RIGHTS_NONE 0x10000
#define RIGHTS_RING(ring) ((u32)(ring) << 5)
#define RIGHTS_DATA3 (RIGHTS_DATA | RIGHTS_RING(3))

/* The fields of one segment lie at the same distance in each of the four groups. */
static void segment_write(unsigned int selector_field, u16 selector, u32 rights,
			  u32 limit, u64 base)
{
	unsigned int offset = selector_field - GUEST_ES_SELECTOR;

	vmcs_write(selector_field, selector);
	vmcs_write(GUEST_ES_AR_BYTES + offset, rights);
	vmcs_write(GUEST_ES_LIMIT + offset, limit);
	vmcs_write(GUEST_ES_BASE + offset, base);
}

void vmx_sregs_set(struct vcpu *vcpu, const struct dune_sregs *sregs)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx->sregs = *sregs;
	vmx->sregs_pending = true;
}

void vmx_sregs_write(struct vmx_vcpu *vmx)
{
	const struct dune_sregs *sregs = &vmx->sregs;
	struct vmx_msr_entry *msrs = vmx->msrs->guest;
	const u32 ring = RIGHTS_RING(sregs->cs & 3);

	segment_write(GUEST_CS_SELECTOR, sregs->cs, RIGHTS_CODE64 | ring, ~0u, 0);
	segment_write(GUEST_SS_SELECTOR, sregs->ss, RIGHTS_DATA | ring, ~0u, 0);
	/* Of ring 3 in either ring: a return to ring 3 takes others away. */
	segment_write(GUEST_DS_SELECTOR, 0, RIGHTS_DATA3, ~0u, 0);
	segment_write(GUEST_ES_SELECTOR, 0, RIGHTS_DATA3, ~0u, 0);
	segment_write(GUEST_FS_SELECTOR, 0, RIGHTS_DATA3, ~0u, sregs->fs_base);
	segment_write(GUEST_GS_SELECTOR, 0, RIGHTS_DATA3, ~0u, sregs->gs_base);
	segment_write(GUEST_LDTR_SELECTOR, 0, RIGHTS_NONE, 0, 0);
	segment_write(GUEST_TR_SELECTOR, sregs->tr, RIGHTS_TSS64,
		      sregs->tss_limit, sregs->tss_base);
	vmcs_write(GUEST_GDTR_BASE, sregs->gdt_base);
	vmcs_write(GUEST_GDTR_LIMIT, sregs->gdt_limit);
	vmcs_write(GUEST_IDTR_BASE, sregs->idt_base);
	vmcs_write(GUEST_IDTR_LIMIT, sregs->idt_limit);
	vmcs_write(GUEST_CR3, sregs->cr3);
	msrs[VMX_MSR_KERNEL_GS_BASE].value = sregs->kernel_gs_base;
	msrs[VMX_MSR_STAR].value = sregs->star;
	msrs[VMX_MSR_LSTAR].value = sregs->lstar;
	msrs[VMX_MSR_SYSCALL_MASK].value = sregs->sfmask;
	vmx->sregs_pending = false;
}

static void sregs_read(const struct vmx_vcpu *vmx, struct dune_sregs *sregs)
{
	const struct vmx_msr_entry *msrs = vmx->msrs->guest;

	*sregs = (struct dune_sregs){
		.cr3 = vmcs_read(GUEST_CR3),
		.gdt_base = vmcs_read(GUEST_GDTR_BASE),
		.idt_base = vmcs_read(GUEST_IDTR_BASE),
		.tss_base = vmcs_read(GUEST_TR_BASE),
		.fs_base = vmcs_read(GUEST_FS_BASE),
		.gs_base = vmcs_read(GUEST_GS_BASE),
		.kernel_gs_base = msrs[VMX_MSR_KERNEL_GS_BASE].value,
		.star = msrs[VMX_MSR_STAR].value,
		.lstar = msrs[VMX_MSR_LSTAR].value,
		.sfmask = msrs[VMX_MSR_SYSCALL_MASK].value,
		.gdt_limit = vmcs_read(GUEST_GDTR_LIMIT),
		.idt_limit = vmcs_read(GUEST_IDTR_LIMIT),
		.tss_limit = vmcs_read(GUEST_TR_LIMIT),
		.cs = vmcs_read(GUEST_CS_SELECTOR),
		.ss = vmcs_read(GUEST_SS_SELECTOR),
		.tr = vmcs_read(GUEST_TR_SELECTOR),
	};
}

void vmx_sregs_get(struct vcpu *vcpu, struct dune_sregs *sregs)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	bool elsewhere;

	if (vmx->sregs_pending || !vmx->initialized) {
		*sregs = vmx->sregs;
		return;
	}
	preempt_disable();
	elsewhere = READ_ONCE(vmx->loaded_cpu) != smp_processor_id();
	if (elsewhere) {
		vmx_cpu_leave(vcpu);
		vcpu->last_cpu = -1;
	}
	local_irq_disable();
	if (this_cpu_read(vmx_cpus.enabled)) {
		vmx_vmcs_load(vcpu);
		sregs_read(vmx, sregs);
		/* The run loop knows only of CPUs that it entered on. */
		if (elsewhere)
			vmx_vmcs_unload(vcpu);
	}
	local_irq_enable();
	preempt_enable();
}
