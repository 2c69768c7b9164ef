// SPDX-License-Identifier: GPL-2.0
/*
 * What a Dune process may believe about its CPU: the truth, less what it cannot
 * use here, plus a leaf by which it can tell where it runs.
 */
#include <asm/cpufeatures.h>
#include <asm/processor.h>

#include "core/vcpu.h"

#define LEAF_HYPERVISOR 0x40000000
#define BIT_OF(feature) BIT((feature) & 31)

struct cpuid_regs4 {
	u32 eax, ebx, ecx, edx;
};

static void filter(u32 leaf, u32 subleaf, struct cpuid_regs4 *r)
{
	switch (leaf) {
	case 1:
		r->ecx &= ~(BIT_OF(X86_FEATURE_VMX) | BIT_OF(X86_FEATURE_SMX) |
			    BIT_OF(X86_FEATURE_MWAIT) |
			    BIT_OF(X86_FEATURE_X2APIC) |
			    BIT_OF(X86_FEATURE_TSC_DEADLINE_TIMER));
		r->ecx |= BIT_OF(X86_FEATURE_HYPERVISOR);
		break;
	case 5: /* MONITOR and MWAIT */
		*r = (struct cpuid_regs4){ 0 };
		break;
	case 7: /* CR4 of the guest has neither PKE nor CET nor SMEP or SMAP */
		if (subleaf == 0) {
			r->ebx &= ~(BIT_OF(X86_FEATURE_SMEP) |
				    BIT_OF(X86_FEATURE_SMAP) |
				    BIT_OF(X86_FEATURE_INVPCID));
			r->ecx &= ~(BIT_OF(X86_FEATURE_PKU) |
				    BIT_OF(X86_FEATURE_OSPKE) |
				    BIT_OF(X86_FEATURE_UMIP) | BIT(7));
			r->edx &= ~BIT_OF(X86_FEATURE_IBT);
		}
		break;
	case LEAF_HYPERVISOR: /* "DuneDuneDune" */
		r->eax = LEAF_HYPERVISOR;
		r->ebx = r->ecx = r->edx = 0x656e7544;
		break;
	case LEAF_HYPERVISOR + 1 ... LEAF_HYPERVISOR + 0xff:
		*r = (struct cpuid_regs4){ 0 };
		break;
	case 0x80000001:
		r->ecx &= ~(BIT_OF(X86_FEATURE_SVM) | BIT_OF(X86_FEATURE_SKINIT) |
			    BIT_OF(X86_FEATURE_MWAITX));
		break;
	case 0x8000000a: /* SVM */
		*r = (struct cpuid_regs4){ 0 };
		break;
	}
}

int handle_cpuid(struct vcpu *vcpu)
{
	u32 leaf = vcpu->regs.rax, subleaf = vcpu->regs.rcx;
	struct cpuid_regs4 r;

	r.eax = leaf;
	r.ecx = subleaf;
	/* Not through a paravirtual call: there is no extension where that matters. */
	native_cpuid(&r.eax, &r.ebx, &r.ecx, &r.edx);
	filter(leaf, subleaf, &r);
	vcpu->regs.rax = r.eax;
	vcpu->regs.rbx = r.ebx;
	vcpu->regs.rcx = r.ecx;
	vcpu->regs.rdx = r.edx;
	vcpu_insn_skip(vcpu, 2);
	return RESUME_GUEST;
}
