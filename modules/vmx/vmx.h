/* SPDX-License-Identifier: GPL-2.0 */
/* Intel VMX: what its files share. */
#ifndef DUNE_VMX_VMX_H
#define DUNE_VMX_VMX_H

#include <linux/list.h>
#include <asm/desc_defs.h>
#include <asm/vmx.h>

#include "core/backend.h"
#include "core/vcpu.h"

/* MSRs that change hands at each entry and exit: the guest writes them without an exit. */
enum vmx_msr {
	VMX_MSR_KERNEL_GS_BASE,
	VMX_MSR_STAR,
	VMX_MSR_LSTAR,
	VMX_MSR_SYSCALL_MASK,
	VMX_MSR_COUNT
};

/* The CPU loads guest[] at entry, stores it back and loads host[] at exit: 16-byte aligned. */
struct vmx_msr_lists {
	struct vmx_msr_entry guest[VMX_MSR_COUNT];
	struct vmx_msr_entry host[VMX_MSR_COUNT];
};

/* What an exit left in the VMCS, read before interrupts are on again. */
struct vmx_exit {
	u32 reason;
	u32 interrupt;	   /* VM_EXIT_INTR_INFO, with an exception */
	u32 error_code;	   /* of that */
	u32 vectoring;	   /* IDT_VECTORING_INFO: the event whose delivery was cut short */
	u32 vectoring_error;
	u32 length;	   /* of the instruction, where that is defined */
	u64 qualification; /* with a nested fault */
	u64 gpa;	   /* with a nested fault */
	u8 cpl;		   /* with a hypercall */
};

/* Hardware state of one vCPU. */
struct vmx_vcpu {
	void *vmcs;
	u64 vmcs_pa;
	struct vmx_msr_lists *msrs;
	struct list_head loaded; /* in vmx_cpu.loaded of loaded_cpu */
	int loaded_cpu;		 /* whose caches may hold the VMCS, or -1 */
	bool launched;		 /* since it was last cleared */
	bool initialized;	 /* constant fields are written */
	bool sregs_pending;	 /* sregs go in at the next entry */
	bool window_open;	 /* interrupt-window exiting */
	bool timer_on;		 /* the preemption timer counts */
	u32 timer_value;	 /* from this at each entry */
	struct dune_sregs sregs;

	/* As last written: a field that has not changed is not written again. */
	u64 host_rsp, host_cr3, host_cr4, host_fs_base;
	u64 rip, rsp, rflags; /* as last read or written */

	/* The task's segment registers; any: one is not null. */
	struct {
		u16 ds, es, fs, gs;
		bool any;
	} segments;
	u64 priority;	      /* the host's, under a shield */
	bool rare;	      /* segments.any, or a shield: looked at by every entry */
	u64 cr2;	      /* not in the VMCS */
	struct vmx_exit exit;
};

/* What a CPU needs while the extension is on. */
struct vmx_cpu {
	void *vmxon_region;
	struct list_head loaded; /* VMCSs that its caches may hold */
	struct vmx_vcpu *current_vcpu;
	struct desc_ptr gdt;	 /* the host's, as LGDT takes it */
	bool enabled;
};

DECLARE_PER_CPU(struct vmx_cpu, vmx_cpus);

/* Controls and facts of this processor, constant after probe. */
struct vmx_features {
	u32 revision; /* of the VMCS */
	u32 pin, primary, secondary, exit, entry;
	bool vpid;
	bool ept_dirty;		/* accessed and dirty bits */
	bool invept_one;	/* INVEPT of one EPT pointer */
	bool preemption_timer;
	u8 timer_shift;		/* ticks of the TSC to one of that timer, as a power of 2 */
	bool flush_l1d;		/* L1 terminal fault: before each entry */
	void *msr_map;		/* 4 KiB: which MSRs exit */
};
extern struct vmx_features vmx_features;

static inline struct vmx_vcpu *to_vmx(struct vcpu *vcpu)
{
	return vcpu->hw;
}

/* After a change of either. */
static inline void vmx_rare_set(struct vcpu *vcpu)
{
	to_vmx(vcpu)->rare = to_vmx(vcpu)->segments.any || vcpu->shield;
}

/* caps.c */
int vmx_caps_probe(void);

/* vmcs.c */
int vmx_msr_map_create(void);
void vmx_msr_map_destroy(void);
int vmx_vcpu_create(struct vcpu *vcpu);
void vmx_vcpu_destroy(struct vcpu *vcpu);
void vmx_cpu_leave(struct vcpu *vcpu);
/* Make it the current VMCS of this CPU; interrupts off, it is on no other CPU. */
void vmx_vmcs_load(struct vcpu *vcpu);
/* Write it back and forget it, if this CPU holds it; interrupts off. */
void vmx_vmcs_unload(struct vcpu *vcpu);
/* Write back and forget what this CPU holds; interrupts off. */
void vmx_vmcs_clear_all(struct vmx_cpu *cpu);

/* sregs.c */
void vmx_sregs_set(struct vcpu *vcpu, const struct dune_sregs *sregs);
void vmx_sregs_get(struct vcpu *vcpu, struct dune_sregs *sregs);
void vmx_sregs_write(struct vmx_vcpu *vmx);

/* host.c */
/* Constant host state, for the CPU that loads the VMCS. */
void vmx_host_write(void);
/* What belongs to the task that runs the vCPU, and stays as it is while it does. */
void vmx_host_task_read(struct vcpu *vcpu);
/* One world switch: true if the CPU refused. What an exit does not restore is restored here. */
bool vmx_host_switch(struct vcpu *vcpu);

/* vpid.c */
u16 vmx_vpid(const struct vcpu *vcpu);
u64 vmx_eptp(const struct vcpu *vcpu);
/* Drop everything that this CPU remembers of nested translations. */
void vmx_tlb_flush_cpu(void);
/* Drop what it remembers of this vCPU's. */
void vmx_tlb_flush(const struct vcpu *vcpu);

/* exit.c */
void vmx_exit_read(struct vcpu *vcpu);
void vmx_exit_decode(struct vcpu *vcpu);
void vmx_rip_advance(struct vcpu *vcpu, unsigned int length);

/* ept.c */
const struct tdp_format *vmx_tdp_format(void);
int vmx_tdp_levels(void);

/* enter.S: guest registers but RSP, RIP, RFLAGS, which the VMCS has; true if refused */
asmlinkage bool vmx_vmenter(struct dune_regs *regs, u64 *host_rsp, bool launched);
void vmx_vmexit(void);

#endif
