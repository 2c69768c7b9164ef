// SPDX-License-Identifier: GPL-2.0
/* AMD SVM: probe, switch on per CPU, and one world switch. */
#include <asm/cpufeature.h>
#include <asm/mem_encrypt.h>
#include <asm/msr.h>
#include <asm/trapnr.h>
#include <linux/gfp.h>
#include <linux/percpu.h>

#include "core/machine_check.h"
#include "svm/insn.h"
#include "svm/svm.h"

DEFINE_PER_CPU(struct svm_cpu, svm_cpus);
struct svm_features svm_features;

static void cpus_free(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct svm_cpu *c = per_cpu_ptr(&svm_cpus, cpu);

		free_page((unsigned long)c->host_save);
		free_page((unsigned long)c->host_vmcb);
		c->host_save = NULL;
		c->host_vmcb = NULL;
	}
}

static int cpus_alloc(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct svm_cpu *c = per_cpu_ptr(&svm_cpus, cpu);

		c->host_save = (void *)get_zeroed_page(GFP_KERNEL);
		c->host_vmcb = (void *)get_zeroed_page(GFP_KERNEL);
		if (!c->host_save || !c->host_vmcb) {
			cpus_free();
			return -ENOMEM;
		}
		c->host_vmcb_pa = __sme_pa(c->host_vmcb);
	}
	return 0;
}

static int svm_probe(void)
{
	u64 vm_cr, efer;
	int error;

	if (!boot_cpu_has(X86_FEATURE_SVM)) {
		pr_err("this CPU has no AMD SVM (no \"svm\" in /proc/cpuinfo)\n");
		return -EOPNOTSUPP;
	}
	if (!boot_cpu_has(X86_FEATURE_NPT)) {
		pr_err("AMD SVM without nested paging (npt): not supported\n");
		return -EOPNOTSUPP;
	}
	rdmsrl(MSR_VM_CR, vm_cr);
	if (vm_cr & SVM_VM_CR_SVM_DIS_MASK) {
		pr_err("AMD SVM is disabled by the firmware (VM_CR.SVMDIS)\n");
		return -EOPNOTSUPP;
	}
	rdmsrl(MSR_EFER, efer);
	if (efer & EFER_SVME) {
		pr_err("AMD SVM is in use, by KVM most likely: rmmod kvm_amd first\n");
		return -EBUSY;
	}
	svm_features.asids = cpuid_ebx(0x8000000a);
	svm_features.nrips = boot_cpu_has(X86_FEATURE_NRIPS);
	svm_features.injects_twice = hypervisor_cpuid_base("TCGTCGTCGTCG", 0);
	if (svm_features.asids < 2) {
		pr_err("AMD SVM without address space identifiers: not supported\n");
		return -EOPNOTSUPP;
	}
	error = cpus_alloc();
	if (error)
		return error;
	error = svm_maps_create();
	if (error)
		cpus_free();
	return error;
}

static void svm_remove(void)
{
	svm_maps_destroy();
	cpus_free();
}

static int svm_cpu_enable(void)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpus);
	u64 efer;

	rdmsrl(MSR_EFER, efer);
	if (efer & EFER_SVME)
		return -EBUSY;
	wrmsrl(MSR_EFER, efer | EFER_SVME);
	wrmsrl(MSR_VM_HSAVE_PA, __sme_pa(cpu->host_save));
	svm_asid_reset(cpu);
	cpu->enabled = true;
	return 0;
}

static void svm_cpu_disable(void)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpus);
	u64 efer;

	if (!cpu->enabled)
		return;
	cpu->enabled = false;
	wrmsrl(MSR_VM_HSAVE_PA, 0);
	rdmsrl(MSR_EFER, efer);
	wrmsrl(MSR_EFER, efer & ~EFER_SVME);
}

static void svm_cpu_emergency(void)
{
	u64 efer;

	rdmsrl(MSR_EFER, efer);
	if (!(efer & EFER_SVME))
		return;
	/* It may have crashed between CLGI and STGI, where INIT waits. */
	svm_stgi();
	wrmsrl(MSR_VM_HSAVE_PA, 0);
	wrmsrl(MSR_EFER, efer & ~EFER_SVME);
}

#define VIRTUAL_INTERRUPT (V_IRQ_MASK | V_INTR_PRIO_MASK | V_IGN_TPR_MASK)

/*
 * A virtual interrupt of the highest priority; the guest can take it, so it does at once.
 * If the window was to open for the next one, its handler's IRET tells when to ask again.
 */
static void event_offer(struct svm_vcpu *svm, u8 vector)
{
	struct vmcb_control_area *control = &svm->vmcb->control;

	if (control->int_ctl & V_IRQ_MASK)
		__set_bit(INTERCEPT_IRET, (unsigned long *)control->intercepts);
	control->int_vector = vector;
	control->int_ctl = V_INTR_MASKING_MASK | VIRTUAL_INTERRUPT;
	__clear_bit(INTERCEPT_VINTR, (unsigned long *)control->intercepts);
	svm->offered = true;
}

static void event_to_vmcb(struct vcpu *vcpu, struct vmcb *vmcb)
{
	static const u32 types[] = {
		[EVENT_INTERRUPT] = SVM_EVTINJ_TYPE_INTR,
		[EVENT_NMI] = SVM_EVTINJ_TYPE_NMI,
		[EVENT_EXCEPTION] = SVM_EVTINJ_TYPE_EXEPT,
	};
	struct vcpu_event *event = &vcpu->event;
	struct svm_vcpu *svm = to_svm(vcpu);

	vmcb->control.event_inj = 0;
	svm->injected = 0;
	if (!event->valid)
		return;
	if (unlikely(svm_features.injects_twice) && event->type == EVENT_INTERRUPT) {
		event_offer(svm, event->vector);
		event->valid = false;
		return;
	}
	vmcb->control.event_inj =
		event->vector | types[event->type] | SVM_EVTINJ_VALID |
		(event->has_error ? SVM_EVTINJ_VALID_ERR : 0);
	vmcb->control.event_inj_err = event->error_code;
	svm->injected = vmcb->control.event_inj;
	svm->injected_rip = vmcb->save.rip;
	if (vcpu->event_sets_cr2) {
		vmcb->save.cr2 = vcpu->event_cr2;
		vcpu->event_sets_cr2 = false;
	}
	/* Delivered, or exit_decode() finds it in EXITINTINFO. */
	event->valid = false;
}

static bool svm_interruptible(struct vcpu *vcpu)
{
	return vcpu->regs.rflags & X86_EFLAGS_IF &&
	       !(to_svm(vcpu)->vmcb->control.int_state & SVM_INTERRUPT_SHADOW_MASK);
}

/* A virtual interrupt of the highest priority, which is never taken: it exits before. */
static void svm_interrupt_window(struct vcpu *vcpu, bool open)
{
	to_svm(vcpu)->vmcb->control.int_ctl =
		V_INTR_MASKING_MASK | (open ? VIRTUAL_INTERRUPT : 0);
}

static void svm_enter(struct vcpu *vcpu, bool flush_tdp)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpus);
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb *vmcb = svm->vmcb;
	u64 host_vmcb_pa = cpu->host_vmcb_pa;

	vmcb->control.tlb_ctl = TLB_CONTROL_DO_NOTHING;
	if (unlikely(flush_tdp || svm->asid_generation != cpu->asid_generation))
		svm_asid_assign(svm, cpu);
	vmcb->save.rax = vcpu->regs.rax;
	vmcb->save.rsp = vcpu->regs.rsp;
	/* In compatibility mode an instruction pointer ends at 4 GiB. */
	vmcb->save.rip = vmcb->save.cs.attrib & SVM_SELECTOR_L_MASK ?
				 vcpu->regs.rip : (u32)vcpu->regs.rip;
	vmcb->save.rflags = vcpu->regs.rflags;
	event_to_vmcb(vcpu, vmcb);

	svm_clgi();
	svm_vmsave(host_vmcb_pa);
	svm_vmrun(svm->vmcb_pa, &vcpu->regs, host_vmcb_pa);
	/* NMIs are taken here, interrupts when the core enables them. */
	svm_stgi();
	/* The intercept came before the host's handler: it runs on this CPU, now. */
	if (vmcb->control.exit_code == SVM_EXIT_EXCP_BASE + X86_TRAP_MC)
		host_machine_check();

	vcpu->regs.rax = vmcb->save.rax;
	vcpu->regs.rsp = vmcb->save.rsp;
	vcpu->regs.rip = vmcb->save.rip;
	vcpu->regs.rflags = vmcb->save.rflags;
}

const struct backend_ops svm_backend = {
	.name = "svm",
	.uapi_id = DUNE_BACKEND_SVM,
	.probe = svm_probe,
	.remove = svm_remove,
	.cpu_enable = svm_cpu_enable,
	.cpu_disable = svm_cpu_disable,
	.cpu_emergency = svm_cpu_emergency,
	.vcpu_create = svm_vcpu_create,
	.vcpu_destroy = svm_vcpu_destroy,
	.cpu_leave = svm_cpu_leave,
	.sregs_set = svm_sregs_set,
	.sregs_get = svm_sregs_get,
	.enter = svm_enter,
	.interruptible = svm_interruptible,
	.interrupt_window = svm_interrupt_window,
	.exit_decode = svm_exit_decode,
	.rip_advance = svm_rip_advance,
	.hypercall_length = 3,
	.tdp_format = svm_tdp_format,
	.tdp_levels = svm_tdp_levels,
};
