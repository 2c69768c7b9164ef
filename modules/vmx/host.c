// SPDX-License-Identifier: GPL-2.0
/*
 * The host's side of a world switch: what the CPU loads at an exit, and what it
 * spoils and leaves to be put right. Linux keeps some of it (segments, the I/O
 * permission map) as its tasks set it, so it is looked up at every entry.
 */
#include <asm/cpu_entry_area.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/fsgsbase.h>
#include <asm/mmu_context.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>
#include <asm/tlbflush.h>
#include <asm/trapnr.h>

#include "vmx/insn.h"
#include "vmx/vmx.h"

void vmx_host_write(void)
{
	int cpu = raw_smp_processor_id();
	struct desc_ptr idt;
	u64 msr;

	vmcs_write(HOST_CR0, read_cr0());
	vmcs_write(HOST_CS_SELECTOR, __KERNEL_CS);
	vmcs_write(HOST_SS_SELECTOR, __KERNEL_DS);
	/* Null: the tasks' own, rarely anything else, are loaded after the exit. */
	vmcs_write(HOST_DS_SELECTOR, 0);
	vmcs_write(HOST_ES_SELECTOR, 0);
	vmcs_write(HOST_FS_SELECTOR, 0);
	vmcs_write(HOST_GS_SELECTOR, 0);
	vmcs_write(HOST_GS_BASE, cpu_kernelmode_gs_base(cpu));
	vmcs_write(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);
	vmcs_write(HOST_TR_BASE, (unsigned long)&get_cpu_entry_area(cpu)->tss.x86_tss);
	vmcs_write(HOST_GDTR_BASE, (unsigned long)get_cpu_gdt_ro(cpu));
	store_idt(&idt);
	vmcs_write(HOST_IDTR_BASE, idt.address);
	rdmsrl(MSR_IA32_SYSENTER_CS, msr);
	vmcs_write(HOST_IA32_SYSENTER_CS, msr);
	rdmsrl(MSR_IA32_SYSENTER_ESP, msr);
	vmcs_write(HOST_IA32_SYSENTER_ESP, msr);
	rdmsrl(MSR_IA32_SYSENTER_EIP, msr);
	vmcs_write(HOST_IA32_SYSENTER_EIP, msr);
	vmcs_write(HOST_RIP, (unsigned long)vmx_vmexit);
}

static void segments_read(struct vmx_vcpu *vmx)
{
	savesegment(ds, vmx->segments.ds);
	savesegment(es, vmx->segments.es);
	savesegment(fs, vmx->segments.fs);
	savesegment(gs, vmx->segments.gs);
}

void vmx_host_task_read(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 fs_base = x86_fsbase_read_cpu();

	rdmsrl(MSR_KERNEL_GS_BASE, vmx->msrs->host[VMX_MSR_KERNEL_GS_BASE].value);
	segments_read(vmx);
	vmx->segments.any = vmx->segments.ds || vmx->segments.es ||
			    vmx->segments.fs || vmx->segments.gs;
	vmx_rare_set(vcpu);
	if (vmx->host_fs_base != fs_base)
		vmcs_write(HOST_FS_BASE, vmx->host_fs_base = fs_base);
}

/* Host fields that change from entry to entry, written if they did. */
static void host_refresh(struct vmx_vcpu *vmx)
{
	u64 cr3 = __native_read_cr3(), cr4 = native_read_cr4();

	if (vmx->host_cr3 != cr3)
		vmcs_write(HOST_CR3, vmx->host_cr3 = cr3);
	if (vmx->host_cr4 != cr4)
		vmcs_write(HOST_CR4, vmx->host_cr4 = cr4);
}

/* A selector loads the base of its descriptor: the base comes after it. */
static void segments_restore(const struct vmx_vcpu *vmx)
{
	if (vmx->segments.ds)
		loadsegment(ds, vmx->segments.ds);
	if (vmx->segments.es)
		loadsegment(es, vmx->segments.es);
	if (vmx->segments.fs) {
		loadsegment(fs, vmx->segments.fs);
		wrmsrl(MSR_FS_BASE, vmx->host_fs_base);
	}
	if (vmx->segments.gs) {
		load_gs_index(vmx->segments.gs);
		wrmsrl(MSR_KERNEL_GS_BASE,
		       vmx->msrs->host[VMX_MSR_KERNEL_GS_BASE].value);
	}
}

/* Event-based sampling writes records to the host's addresses: not under the guest's tables. */
static u64 pebs_stop(void)
{
	u64 enabled = 0;

	if (cpu_feature_enabled(X86_FEATURE_PEBS)) {
		rdmsrl(MSR_IA32_PEBS_ENABLE, enabled);
		if (enabled)
			wrmsrl(MSR_IA32_PEBS_ENABLE, 0);
	}
	return enabled;
}

/* The priority that interrupts of this CPU must exceed; the guest's access to it exits. */
static u64 priority_swap(u64 priority)
{
	u64 before;

	asm volatile("mov %%cr8, %0\n\tmov %1, %%cr8" : "=&r"(before) : "r"(priority) : "memory");
	return before;
}

#define PRIORITY_NONE 15 /* exceeds it */

/* What few entries need. */
static noinline void rare_before(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (vmx->segments.any)
		segments_read(vmx);
	if (vcpu->shield)
		vmx->priority = priority_swap(PRIORITY_NONE);
}

static noinline void rare_behind(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (vcpu->shield)
		priority_swap(vmx->priority);
	if (vmx->segments.any)
		segments_restore(vmx);
}

bool vmx_host_switch(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 debugctl = __rdmsr(MSR_IA32_DEBUGCTLMSR), pebs = pebs_stop();
	bool refused;
	u32 ldt;

	/* Other threads of the process may change it, and what selectors mean, at any time. */
	asm volatile("sldt %0" : "=r"(ldt));
	if (unlikely(vmx->rare))
		rare_before(vcpu);
	host_refresh(vmx);
	if (vmx_features.flush_l1d)
		wrmsrl(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
	if (vmx->cr2 != native_read_cr2())
		native_write_cr2(vmx->cr2);

	refused = vmx_vmenter(&vcpu->regs, &vmx->host_rsp, vmx->launched);

	vmx->cr2 = native_read_cr2();
	/* Indirect branches of the guest must not steer the host's: rewriting is the barrier. */
	if (cpu_feature_enabled(X86_FEATURE_KERNEL_IBRS))
		native_wrmsrl(MSR_IA32_SPEC_CTRL, spec_ctrl_current());
	if (unlikely(debugctl))
		update_debugctlmsr(debugctl);
	if (unlikely(pebs))
		wrmsrl(MSR_IA32_PEBS_ENABLE, pebs);
	/*
	 * The exit made the GDT's limit the largest there is and the TSS's that
	 * of a TSS without I/O permissions.
	 */
	if (unlikely(test_thread_flag(TIF_IO_BITMAP)))
		invalidate_tss_limit();
	else
		__this_cpu_write(__tss_limit_invalid, true);
	native_load_gdt(this_cpu_ptr(&vmx_cpus.gdt));
	if (unlikely(ldt))
		asm volatile("lldt %w0" ::"r"(ldt));
	if (unlikely(vmx->rare))
		rare_behind(vcpu);
	return refused;
}
