// SPDX-License-Identifier: GPL-2.0
/*
 * Address space identifiers, per CPU. A vCPU that moves here, or whose nested
 * translations changed, gets one that was not used since the CPU last dropped
 * everything; when none is left, everything is dropped and a new generation
 * begins. This needs no flush-by-ASID and costs nothing until they run out.
 */
#include "svm/svm.h"

void svm_asid_reset(struct svm_cpu *cpu)
{
	cpu->asid_generation++;
	cpu->next_asid = svm_features.asids; /* the first assignment starts anew */
}

void svm_asid_assign(struct vcpu *vcpu, struct svm_cpu *cpu, bool flush)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_control_area *control = &svm->vmcb->control;

	control->tlb_ctl = TLB_CONTROL_DO_NOTHING;
	if (!flush && vcpu->last_cpu == smp_processor_id() &&
	    svm->asid_generation == cpu->asid_generation)
		return;
	if (cpu->next_asid >= svm_features.asids) {
		cpu->asid_generation++;
		cpu->next_asid = 1; /* 0 is the host */
		control->tlb_ctl = TLB_CONTROL_FLUSH_ALL_ASID;
	}
	svm->asid_generation = cpu->asid_generation;
	control->asid = cpu->next_asid++;
}
