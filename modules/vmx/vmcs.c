// SPDX-License-Identifier: GPL-2.0
/*
 * The VMCS: what exits (all that is not the guest's own), and which CPU holds
 * it. A CPU may keep a VMCS in its caches until it clears it, so a vCPU that
 * moves has to be fetched from where it was.
 */
#include <asm/msr.h>
#include <asm/tlbflush.h>
#include <asm/trapnr.h>
#include <linux/gfp.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "vmx/insn.h"
#include "vmx/vmx.h"

#define MSR_MAP_HIGH 0xc0000000
#define MSR_MAP_WRITE (0x800 * 8) /* the second half is for writes */

/* In the order of enum vmx_msr. */
static const u32 switched_msrs[VMX_MSR_COUNT] = {
	[VMX_MSR_KERNEL_GS_BASE] = MSR_KERNEL_GS_BASE,
	[VMX_MSR_STAR] = MSR_STAR,
	[VMX_MSR_LSTAR] = MSR_LSTAR,
	[VMX_MSR_SYSCALL_MASK] = MSR_SYSCALL_MASK,
};

/* One bit an MSR and direction; the second KiB is for C000_0000h on. */
static void msr_map_open(u32 msr)
{
	unsigned int bit = 0x400 * 8 + (msr - MSR_MAP_HIGH);

	clear_bit(bit, vmx_features.msr_map);
	clear_bit(bit + MSR_MAP_WRITE, vmx_features.msr_map);
}

int vmx_msr_map_create(void)
{
	size_t i;

	vmx_features.msr_map = (void *)__get_free_page(GFP_KERNEL);
	if (!vmx_features.msr_map)
		return -ENOMEM;
	memset(vmx_features.msr_map, 0xff, PAGE_SIZE);
	msr_map_open(MSR_FS_BASE);
	msr_map_open(MSR_GS_BASE);
	for (i = 0; i < VMX_MSR_COUNT; i++)
		msr_map_open(switched_msrs[i]);
	return 0;
}

void vmx_msr_map_destroy(void)
{
	free_page((unsigned long)vmx_features.msr_map);
	vmx_features.msr_map = NULL;
}

static void controls_write(const struct vcpu *vcpu)
{
	vmcs_write(PIN_BASED_VM_EXEC_CONTROL, vmx_features.pin);
	vmcs_write(CPU_BASED_VM_EXEC_CONTROL, vmx_features.primary);
	vmcs_write(SECONDARY_VM_EXEC_CONTROL, vmx_features.secondary);
	vmcs_write(VM_EXIT_CONTROLS, vmx_features.exit);
	vmcs_write(VM_ENTRY_CONTROLS, vmx_features.entry);
	vmcs_write(EXCEPTION_BITMAP, BIT(X86_TRAP_DB) | BIT(X86_TRAP_AC) |
					     BIT(X86_TRAP_MC));
	vmcs_write(PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmcs_write(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmcs_write(CR3_TARGET_COUNT, 0);
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, 0);
	vmcs_write(MSR_BITMAP, __pa(vmx_features.msr_map));
	vmcs_write(EPT_POINTER, vmx_eptp(vcpu));
	if (vmx_features.vpid)
		vmcs_write(VIRTUAL_PROCESSOR_ID, vmx_vpid(vcpu));
	if (vmx_features.secondary & SECONDARY_EXEC_ENCLS_EXITING)
		vmcs_write(ENCLS_EXITING_BITMAP, ~0ul);
}

static void msr_lists_write(struct vmx_msr_lists *msrs)
{
	int i;

	for (i = 0; i < VMX_MSR_COUNT; i++) {
		msrs->guest[i].index = msrs->host[i].index = switched_msrs[i];
		rdmsrl(switched_msrs[i], msrs->host[i].value);
	}
	vmcs_write(VM_ENTRY_MSR_LOAD_ADDR, __pa(msrs->guest));
	vmcs_write(VM_EXIT_MSR_STORE_ADDR, __pa(msrs->guest));
	vmcs_write(VM_EXIT_MSR_LOAD_ADDR, __pa(msrs->host));
	vmcs_write(VM_ENTRY_MSR_LOAD_COUNT, VMX_MSR_COUNT);
	vmcs_write(VM_EXIT_MSR_STORE_COUNT, VMX_MSR_COUNT);
	vmcs_write(VM_EXIT_MSR_LOAD_COUNT, VMX_MSR_COUNT);
}

/* Guest state that neither sregs nor regs have. */
static void guest_write(void)
{
	/* As the host's, so that the guest can do what user code can. */
	const u64 cr4_host = X86_CR4_OSXSAVE | X86_CR4_FSGSBASE | X86_CR4_PCIDE;
	const u64 cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE |
			X86_CR0_WP | X86_CR0_AM | X86_CR0_PG;
	const u64 cr4 = X86_CR4_PAE | X86_CR4_PGE | X86_CR4_OSFXSR |
			X86_CR4_OSXMMEXCPT | (cr4_read_shadow() & cr4_host);

	/* Every bit is the host's: a write that would change one exits. */
	vmcs_write(GUEST_CR0, cr0);
	vmcs_write(CR0_GUEST_HOST_MASK, ~0ul);
	vmcs_write(CR0_READ_SHADOW, cr0);
	vmcs_write(GUEST_CR4, cr4 | X86_CR4_VMXE);
	vmcs_write(CR4_GUEST_HOST_MASK, ~0ul);
	vmcs_write(CR4_READ_SHADOW, cr4);
	vmcs_write(GUEST_DR7, 0x400);
	vmcs_write(GUEST_IA32_DEBUGCTL, 0);
	vmcs_write(GUEST_SYSENTER_CS, 0);
	vmcs_write(GUEST_SYSENTER_ESP, 0);
	vmcs_write(GUEST_SYSENTER_EIP, 0);
	vmcs_write(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vmcs_write(GUEST_INTERRUPTIBILITY_INFO, 0);
	vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	vmcs_write(VMCS_LINK_POINTER, ~0ul);
	vmcs_write(GUEST_RIP, 0);
	vmcs_write(GUEST_RSP, 0);
	vmcs_write(GUEST_RFLAGS, X86_EFLAGS_FIXED);
}

int vmx_vcpu_create(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = kzalloc(sizeof(*vmx), GFP_KERNEL_ACCOUNT);

	if (!vmx)
		return -ENOMEM;
	vmx->vmcs = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vmx->msrs = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vmx->vmcs || !vmx->msrs) {
		free_page((unsigned long)vmx->msrs);
		free_page((unsigned long)vmx->vmcs);
		kfree(vmx);
		return -ENOMEM;
	}
	*(u32 *)vmx->vmcs = vmx_features.revision;
	vmx->vmcs_pa = __pa(vmx->vmcs);
	vmx->loaded_cpu = -1;
	vmx->rflags = X86_EFLAGS_FIXED;
	INIT_LIST_HEAD(&vmx->loaded);
	vcpu->hw = vmx;
	return 0;
}

/* On the CPU that holds it, interrupts off. */
static void vmcs_clear(struct vmx_vcpu *vmx, struct vmx_cpu *cpu)
{
	WARN_ON_ONCE(vmx_vmclear(vmx->vmcs_pa));
	list_del_init(&vmx->loaded);
	vmx->launched = false;
	if (cpu->current_vcpu == vmx)
		cpu->current_vcpu = NULL;
	/* The last access: who reads it may free the vCPU. */
	smp_store_release(&vmx->loaded_cpu, -1);
}

static void vmcs_clear_here(void *data)
{
	struct vmx_vcpu *vmx = data;

	/* The CPU may have gone down and cleared all it had meanwhile. */
	if (vmx->loaded_cpu == smp_processor_id())
		vmcs_clear(vmx, this_cpu_ptr(&vmx_cpus));
}

void vmx_vmcs_unload(struct vcpu *vcpu)
{
	vmcs_clear_here(to_vmx(vcpu));
}

void vmx_vmcs_clear_all(struct vmx_cpu *cpu)
{
	struct vmx_vcpu *vmx, *next;

	list_for_each_entry_safe(vmx, next, &cpu->loaded, loaded)
		vmcs_clear(vmx, cpu);
}

void vmx_cpu_leave(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	int cpu = smp_load_acquire(&vmx->loaded_cpu);

	if (cpu >= 0)
		smp_call_function_single(cpu, vmcs_clear_here, vmx, true);
}

void vmx_vcpu_destroy(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx_cpu_leave(vcpu);
	free_page((unsigned long)vmx->msrs);
	free_page((unsigned long)vmx->vmcs);
	kfree(vmx);
}

void vmx_vmcs_load(struct vcpu *vcpu)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpus);
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (vmx->loaded_cpu < 0)
		WARN_ON_ONCE(vmx_vmclear(vmx->vmcs_pa));
	WARN_ON_ONCE(vmx_vmptrld(vmx->vmcs_pa));
	cpu->current_vcpu = vmx;
	if (vmx->loaded_cpu >= 0)
		return;
	vmx->loaded_cpu = smp_processor_id();
	list_add(&vmx->loaded, &cpu->loaded);
	vmx_host_write();
	if (vmx->initialized)
		return;
	controls_write(vcpu);
	msr_lists_write(vmx->msrs);
	guest_write();
	vmx->initialized = true;
}
