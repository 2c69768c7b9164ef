// SPDX-License-Identifier: GPL-2.0
/*
 * What the CPU remembers of translations. It tags what it made from both page
 * tables with the VPID, the EPT pointer and the PCID, so a VPID need only be
 * unique among the vCPUs of one VM: their number in it, for ever. INVEPT of the
 * VM's pointer drops all, the guest's own part included, so it serves for a
 * vCPU that comes from another CPU too.
 */
#include "vmx/insn.h"
#include "vmx/vmx.h"

#define INVEPT_ONE 1
#define INVEPT_ALL 2

u16 vmx_vpid(const struct vcpu *vcpu)
{
	return vcpu->nr + 1; /* 0 is the host */
}

u64 vmx_eptp(const struct vcpu *vcpu)
{
	return vcpu->vm->tdp.root_pa | VMX_EPTP_MT_WB | VMX_EPTP_PWL_4 |
	       (vmx_features.ept_dirty ? VMX_EPTP_AD_ENABLE_BIT : 0);
}

void vmx_tlb_flush_cpu(void)
{
	WARN_ON_ONCE(vmx_invept(INVEPT_ALL, 0));
}

void vmx_tlb_flush(const struct vcpu *vcpu)
{
	if (!vmx_features.invept_one)
		vmx_tlb_flush_cpu();
	else
		WARN_ON_ONCE(vmx_invept(INVEPT_ONE, vmx_eptp(vcpu)));
}
