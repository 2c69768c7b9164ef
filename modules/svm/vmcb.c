// SPDX-License-Identifier: GPL-2.0
/*
 * The VMCB: what is intercepted (all that is not the guest's own), the
 * permission maps, and system state in and out.
 */
#include <asm/fpu/api.h>
#include <asm/mem_encrypt.h>
#include <asm/msr.h>
#include <linux/gfp.h>
#include <linux/slab.h>

#include "svm/svm.h"

#define IO_MAP_ORDER 2 /* 12 KiB, rounded up */
#define MSR_MAP_ORDER 1
#define MSR_MAP_LOW_END 0x2000
#define MSR_MAP_HIGH 0xc0000000

struct svm_maps svm_maps;

/* MSRs that VMLOAD and VMSAVE switch: the guest's own, no exit. */
static const u32 guest_msrs[] = {
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,
	MSR_STAR,    MSR_LSTAR,	  MSR_SYSCALL_MASK,
};

/* Two bits an MSR (read, write); the second 2 KiB is for C000_0000h on. */
static void msr_map_open(u32 msr)
{
	unsigned int bit = (0x800 * 8) + (msr - MSR_MAP_HIGH) * 2;

	clear_bit(bit, svm_maps.msr);
	clear_bit(bit + 1, svm_maps.msr);
}

static void *map_alloc(unsigned int order)
{
	void *map = (void *)__get_free_pages(GFP_KERNEL, order);

	if (map)
		memset(map, 0xff, PAGE_SIZE << order);
	return map;
}

int svm_maps_create(void)
{
	size_t i;

	svm_maps.io = map_alloc(IO_MAP_ORDER);
	svm_maps.msr = map_alloc(MSR_MAP_ORDER);
	if (!svm_maps.io || !svm_maps.msr) {
		svm_maps_destroy();
		return -ENOMEM;
	}
	for (i = 0; i < ARRAY_SIZE(guest_msrs); i++)
		msr_map_open(guest_msrs[i]);
	return 0;
}

void svm_maps_destroy(void)
{
	free_pages((unsigned long)svm_maps.io, IO_MAP_ORDER);
	free_pages((unsigned long)svm_maps.msr, MSR_MAP_ORDER);
	svm_maps = (struct svm_maps){ NULL, NULL };
}

/* Deny by default. What is absent here is the guest's: CR2, CR3, INVLPG, GDT, IDT, TSS. */
static const u8 intercepts[] = {
	INTERCEPT_CR0_WRITE, INTERCEPT_CR4_WRITE, INTERCEPT_CR8_READ,
	INTERCEPT_CR8_WRITE, INTERCEPT_SELECTIVE_CR0,
	INTERCEPT_DR0_READ,  INTERCEPT_DR1_READ,  INTERCEPT_DR2_READ,
	INTERCEPT_DR3_READ,  INTERCEPT_DR4_READ,  INTERCEPT_DR5_READ,
	INTERCEPT_DR6_READ,  INTERCEPT_DR7_READ,  INTERCEPT_DR0_WRITE,
	INTERCEPT_DR1_WRITE, INTERCEPT_DR2_WRITE, INTERCEPT_DR3_WRITE,
	INTERCEPT_DR4_WRITE, INTERCEPT_DR5_WRITE, INTERCEPT_DR6_WRITE,
	INTERCEPT_DR7_WRITE,
	INTERCEPT_EXCEPTION_OFFSET + 1,	 /* #DB */
	INTERCEPT_EXCEPTION_OFFSET + 17, /* #AC */
	INTERCEPT_EXCEPTION_OFFSET + 18, /* #MC */
	INTERCEPT_INTR,	     INTERCEPT_NMI,	  INTERCEPT_SMI,
	INTERCEPT_VINTR,
	INTERCEPT_INIT,	     INTERCEPT_CPUID,	  INTERCEPT_RDPMC,
	INTERCEPT_RSM,	     INTERCEPT_INVD,	  INTERCEPT_HLT,
	INTERCEPT_INVLPGA,   INTERCEPT_IOIO_PROT, INTERCEPT_MSR_PROT,
	INTERCEPT_TASK_SWITCH, INTERCEPT_FERR_FREEZE, INTERCEPT_SHUTDOWN,
	INTERCEPT_VMRUN,     INTERCEPT_VMMCALL,	  INTERCEPT_VMLOAD,
	INTERCEPT_VMSAVE,    INTERCEPT_STGI,	  INTERCEPT_CLGI,
	INTERCEPT_SKINIT,    INTERCEPT_ICEBP,	  INTERCEPT_WBINVD,
	INTERCEPT_MONITOR,   INTERCEPT_MWAIT,	  INTERCEPT_MWAIT_COND,
	INTERCEPT_XSETBV,    INTERCEPT_RDPRU,	  INTERCEPT_INVLPGB,
	INTERCEPT_INVLPGB_ILLEGAL, INTERCEPT_INVPCID, INTERCEPT_MCOMMIT,
	INTERCEPT_TLBSYNC,
};

static void control_init(struct vmcb_control_area *control, const struct vm *vm)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(intercepts); i++)
		control->intercepts[intercepts[i] / 32] |=
			BIT(intercepts[i] % 32);
	control->iopm_base_pa = __sme_pa(svm_maps.io);
	control->msrpm_base_pa = __sme_pa(svm_maps.msr);
	control->int_ctl = V_INTR_MASKING_MASK;
	control->nested_ctl = SVM_NESTED_CTL_NP_ENABLE;
	control->nested_cr3 = vm->tdp.root_pa;
}

static void save_init(struct vmcb_save_area *save)
{
	/* As the host's, so that the guest can do what user code can. */
	const u64 cr4_host = X86_CR4_OSXSAVE | X86_CR4_FSGSBASE | X86_CR4_PCIDE;

	save->efer = EFER_LME | EFER_LMA | EFER_NX | EFER_SCE | EFER_SVME;
	save->cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE |
		    X86_CR0_WP | X86_CR0_AM | X86_CR0_PG;
	save->cr4 = X86_CR4_PAE | X86_CR4_PGE | X86_CR4_OSFXSR |
		    X86_CR4_OSXMMEXCPT | (__read_cr4() & cr4_host);
	save->dr6 = 0xffff0ff0;
	save->dr7 = 0x400;
	rdmsrl(MSR_IA32_CR_PAT, save->g_pat);
}

int svm_vcpu_create(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = kzalloc(sizeof(*svm), GFP_KERNEL_ACCOUNT);

	if (!svm)
		return -ENOMEM;
	svm->vmcb = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!svm->vmcb) {
		kfree(svm);
		return -ENOMEM;
	}
	svm->vmcb_pa = __sme_pa(svm->vmcb);
	vcpu->hw = svm;
	control_init(&svm->vmcb->control, vcpu->vm);
	save_init(&svm->vmcb->save);
	return 0;
}

void svm_vcpu_destroy(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	free_page((unsigned long)svm->vmcb);
	kfree(svm);
}

/* The VMCB is memory like any other: no CPU keeps anything of it. */
void svm_cpu_leave(struct vcpu *vcpu)
{
}

/* Segment attributes: bits 7:0 and 11:8 of the descriptor's second half. */
#define ATTRIB_CODE64 0x0a9b /* long, present, ring 0, execute/read, accessed */
#define ATTRIB_DATA 0x0c93   /* present, ring 0, read/write, accessed */
#define ATTRIB_TSS64 0x008b  /* present, busy 64-bit TSS */
#define ATTRIB_LDT 0x0082
#define ATTRIB_RING(ring) ((u16)(ring) << 5)

static struct vmcb_seg segment(u16 selector, u16 attrib, u32 limit, u64 base)
{
	return (struct vmcb_seg){ selector, attrib, limit, base };
}

void svm_sregs_set(struct vcpu *vcpu, const struct dune_sregs *sregs)
{
	struct vmcb_save_area *save = &to_svm(vcpu)->vmcb->save;
	const u8 ring = sregs->cs & 3;
	/* Of ring 3 in either ring: a return to ring 3 takes others away. */
	const u16 data = ATTRIB_DATA | ATTRIB_RING(3);

	save->cs = segment(sregs->cs, ATTRIB_CODE64 | ATTRIB_RING(ring), ~0u, 0);
	save->ss = segment(sregs->ss, ATTRIB_DATA | ATTRIB_RING(ring), ~0u, 0);
	save->ds = segment(0, data, ~0u, 0);
	save->es = save->ds;
	save->fs = segment(0, data, ~0u, sregs->fs_base);
	save->gs = segment(0, data, ~0u, sregs->gs_base);
	save->gdtr = segment(0, 0, sregs->gdt_limit, sregs->gdt_base);
	save->idtr = segment(0, 0, sregs->idt_limit, sregs->idt_base);
	save->ldtr = segment(0, ATTRIB_LDT, 0, 0);
	save->tr = segment(sregs->tr, ATTRIB_TSS64, sregs->tss_limit,
			   sregs->tss_base);
	save->cpl = ring;
	save->cr3 = sregs->cr3;
	save->kernel_gs_base = sregs->kernel_gs_base;
	save->star = sregs->star;
	save->lstar = sregs->lstar;
	save->sfmask = sregs->sfmask;
}

void svm_sregs_get(struct vcpu *vcpu, struct dune_sregs *sregs)
{
	const struct vmcb_save_area *save = &to_svm(vcpu)->vmcb->save;

	*sregs = (struct dune_sregs){
		.cr3 = save->cr3,
		.gdt_base = save->gdtr.base,
		.idt_base = save->idtr.base,
		.tss_base = save->tr.base,
		.fs_base = save->fs.base,
		.gs_base = save->gs.base,
		.kernel_gs_base = save->kernel_gs_base,
		.star = save->star,
		.lstar = save->lstar,
		.sfmask = save->sfmask,
		.gdt_limit = save->gdtr.limit,
		.idt_limit = save->idtr.limit,
		.tss_limit = save->tr.limit,
		.cs = save->cs.selector,
		.ss = save->ss.selector,
		.tr = save->tr.selector,
	};
}
