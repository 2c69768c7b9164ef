// SPDX-License-Identifier: GPL-2.0
/* Intel VMX: probe, switch on per CPU, and one entry and exit. */
#include <asm/cpufeature.h>
#include <asm/desc.h>
#include <asm/perf_event.h>
#include <asm/tlbflush.h>
#include <linux/gfp.h>
#include <linux/percpu.h>

#include "vmx/insn.h"
#include "vmx/vmx.h"

DEFINE_PER_CPU(struct vmx_cpu, vmx_cpus);

static void cpus_free(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vmx_cpu *c = per_cpu_ptr(&vmx_cpus, cpu);

		free_page((unsigned long)c->vmxon_region);
		c->vmxon_region = NULL;
	}
}

static int cpus_alloc(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vmx_cpu *c = per_cpu_ptr(&vmx_cpus, cpu);

		INIT_LIST_HEAD(&c->loaded);
		c->vmxon_region = (void *)get_zeroed_page(GFP_KERNEL);
		if (!c->vmxon_region) {
			cpus_free();
			return -ENOMEM;
		}
		*(u32 *)c->vmxon_region = vmx_features.revision;
	}
	return 0;
}

static int vmx_probe(void)
{
	int error = vmx_caps_probe();

	if (error)
		return error;
	if (cr4_read_shadow() & X86_CR4_VMXE) {
		pr_err("Intel VMX is in use, by KVM most likely: rmmod kvm_intel first\n");
		return -EBUSY;
	}
	error = cpus_alloc();
	if (error)
		return error;
	error = vmx_msr_map_create();
	if (error)
		cpus_free();
	return error;
}

static void vmx_remove(void)
{
	vmx_msr_map_destroy();
	cpus_free();
}

static int vmx_cpu_enable(void)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpus);
	unsigned long flags;
	int error = 0;

	local_irq_save(flags);
	if (cr4_read_shadow() & X86_CR4_VMXE) {
		error = -EBUSY;
		goto out;
	}
	/* Tracing of instructions and VMX exclude each other on some CPUs. */
	intel_pt_handle_vmx(1);
	cr4_set_bits_irqsoff(X86_CR4_VMXE);
	if (vmx_vmxon(__pa(cpu->vmxon_region))) {
		cr4_clear_bits_irqsoff(X86_CR4_VMXE);
		intel_pt_handle_vmx(0);
		error = -EIO;
		goto out;
	}
	vmx_tlb_flush_cpu();
	cpu->current_vcpu = NULL;
	cpu->gdt.address = (unsigned long)get_cpu_gdt_ro(smp_processor_id());
	cpu->gdt.size = GDT_SIZE - 1;
	cpu->enabled = true;
out:
	local_irq_restore(flags);
	return error;
}

static void vmx_cpu_disable(void)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpus);
	unsigned long flags;

	local_irq_save(flags);
	if (cpu->enabled) {
		cpu->enabled = false;
		vmx_vmcs_clear_all(cpu);
		vmx_vmxoff();
		cr4_clear_bits_irqsoff(X86_CR4_VMXE);
		intel_pt_handle_vmx(0);
	}
	local_irq_restore(flags);
}

/*
 * VMCSs stay as they are: nothing of this kernel's memory is used again, and
 * the list of them may be half changed. Nor is cpu->enabled the truth between
 * two instructions.
 */
static void vmx_cpu_emergency(void)
{
	if (!(native_read_cr4() & X86_CR4_VMXE))
		return;
	vmx_vmxoff();
	cr4_clear_bits_irqsoff(X86_CR4_VMXE);
}

static u32 event_to_vmcs(struct vcpu *vcpu)
{
	static const u32 types[] = {
		[EVENT_INTERRUPT] = INTR_TYPE_EXT_INTR,
		[EVENT_NMI] = INTR_TYPE_NMI_INTR,
		[EVENT_EXCEPTION] = INTR_TYPE_HARD_EXCEPTION,
	};
	struct vcpu_event *event = &vcpu->event;

	if (!event->valid)
		return 0;
	if (event->has_error)
		vmcs_write(VM_ENTRY_EXCEPTION_ERROR_CODE, event->error_code);
	/* The CPU clears the valid bit at the exit: no entry sees an old event. */
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD,
		   event->vector | types[event->type] | INTR_INFO_VALID_MASK |
			   (event->has_error ? INTR_INFO_DELIVER_CODE_MASK : 0));
	if (vcpu->event_sets_cr2) {
		to_vmx(vcpu)->cr2 = vcpu->event_cr2;
		vcpu->event_sets_cr2 = false;
	}
	/* Delivered, or exit_decode() finds it in the vectoring information. */
	event->valid = false;
	return INTR_INFO_VALID_MASK;
}

/*
 * In compatibility mode an instruction pointer ends at 4 GiB: user space, or a
 * step over a last instruction, may lead out of it, and the CPU would refuse.
 */
static void rip_wrap(struct vcpu *vcpu)
{
	if (vcpu->regs.rip >> 32 && !(to_vmx(vcpu)->rip >> 32) &&
	    !(vmcs_read(GUEST_CS_AR_BYTES) & VMX_AR_L_MASK))
		vcpu->regs.rip = (u32)vcpu->regs.rip;
}

/* Registers that the VMCS has. */
static void regs_to_vmcs(struct vcpu *vcpu, bool event)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	const struct dune_regs *regs = &vcpu->regs;
	bool moved;

	rip_wrap(vcpu);
	moved = event || regs->rip != vmx->rip || regs->rflags != vmx->rflags;

	if (!moved) {
		if (regs->rsp != vmx->rsp)
			vmcs_write(GUEST_RSP, regs->rsp);
		return;
	}
	/*
	 * The shadow of STI or MOV SS ends where the guest does not go on as it
	 * was; the CPU would refuse it together with an interrupt or with TF.
	 */
	if (vmcs_read(GUEST_INTERRUPTIBILITY_INFO)) {
		vmcs_write(GUEST_INTERRUPTIBILITY_INFO, 0);
		vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	}
	if (regs->rip != vmx->rip)
		vmcs_write(GUEST_RIP, regs->rip);
	if (regs->rsp != vmx->rsp)
		vmcs_write(GUEST_RSP, regs->rsp);
	if (regs->rflags != vmx->rflags)
		vmcs_write(GUEST_RFLAGS, regs->rflags);
}

static void vmcs_have(struct vcpu *vcpu)
{
	if (unlikely(this_cpu_read(vmx_cpus.current_vcpu) != to_vmx(vcpu)))
		vmx_vmcs_load(vcpu);
}

static bool vmx_interruptible(struct vcpu *vcpu)
{
	const u32 shadow = GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS;
	const struct dune_regs *regs = &vcpu->regs;
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (!(regs->rflags & X86_EFLAGS_IF))
		return false;
	vmcs_have(vcpu);
	/* As in regs_to_vmcs(): a shadow ends where the guest does not go on as it was. */
	return regs->rip != vmx->rip || regs->rflags != vmx->rflags ||
	       !(vmcs_read(GUEST_INTERRUPTIBILITY_INFO) & shadow);
}

static void vmx_interrupt_window(struct vcpu *vcpu, bool open)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmcs_have(vcpu);
	if (vmx->window_open == open)
		return;
	vmx->window_open = open;
	vmcs_write(CPU_BASED_VM_EXEC_CONTROL,
		   vmx_features.primary | (open ? CPU_BASED_INTR_WINDOW_EXITING : 0));
}

static bool vmx_timer_arm(struct vcpu *vcpu, u64 ticks)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 value;

	if (!vmx_features.preemption_timer)
		return false;
	/* It counts where a bit of the TSC changes, and from the entry on. */
	value = min_t(u64, ticks >> vmx_features.timer_shift, U32_MAX - 1) + 1;
	vmcs_have(vcpu);
	if (!vmx->timer_on) {
		vmx->timer_on = true;
		vmcs_write(PIN_BASED_VM_EXEC_CONTROL,
			   vmx_features.pin | PIN_BASED_VMX_PREEMPTION_TIMER);
	}
	if (vmx->timer_value != value)
		vmcs_write(VMX_PREEMPTION_TIMER_VALUE, vmx->timer_value = value);
	vmx_rare_set(vcpu); /* a shield changes with the timer only */
	return true;
}

/* Without the timer nothing would end the guest while the host's interrupts wait. */
static bool vmx_shield_offered(void)
{
	return vmx_features.preemption_timer;
}

static void vmx_enter(struct vcpu *vcpu, bool flush_tdp)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmcs_have(vcpu);
	if (unlikely(vcpu->new_run)) {
		vcpu->new_run = false;
		vmx_host_task_read(vcpu);
	}
	if (unlikely(flush_tdp))
		vmx_tlb_flush(vcpu);
	if (vmx->sregs_pending)
		vmx_sregs_write(vmx);
	regs_to_vmcs(vcpu, event_to_vmcs(vcpu));

	if (vmx_host_switch(vcpu)) {
		/* Refused before anything of the guest was loaded. */
		vmx->exit = (struct vmx_exit){
			.reason = VMX_EXIT_REASONS_FAILED_VMENTRY |
				  vmcs_read(VM_INSTRUCTION_ERROR),
		};
		return;
	}
	vmx_exit_read(vcpu);
	if (unlikely(!vmx->launched))
		vmx->launched = !(vmx->exit.reason & VMX_EXIT_REASONS_FAILED_VMENTRY);
}

const struct backend_ops vmx_backend = {
	.name = "vmx",
	.uapi_id = DUNE_BACKEND_VMX,
	.probe = vmx_probe,
	.remove = vmx_remove,
	.cpu_enable = vmx_cpu_enable,
	.cpu_disable = vmx_cpu_disable,
	.cpu_emergency = vmx_cpu_emergency,
	.vcpu_create = vmx_vcpu_create,
	.vcpu_destroy = vmx_vcpu_destroy,
	.cpu_leave = vmx_cpu_leave,
	.sregs_set = vmx_sregs_set,
	.sregs_get = vmx_sregs_get,
	.enter = vmx_enter,
	.interruptible = vmx_interruptible,
	.interrupt_window = vmx_interrupt_window,
	.timer_arm = vmx_timer_arm,
	.shield_offered = vmx_shield_offered,
	.exit_decode = vmx_exit_decode,
	.rip_advance = vmx_rip_advance,
	.hypercall_length = 3,
	.tdp_format = vmx_tdp_format,
	.tdp_levels = vmx_tdp_levels,
};
