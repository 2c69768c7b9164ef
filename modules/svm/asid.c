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

void svm_asid_assign(struct svm_vcpu *svm, struct svm_cpu *cpu)
{
	struct vmcb_control_area *control = &svm->vmcb->control;

	if (cpu->next_asid >= svm_features.asids) {
		cpu->asid_generation++;
		cpu->next_asid = 1; /* 0 is the host */
		control->tlb_ctl = TLB_CONTROL_FLUSH_ALL_ASID;
	}
	svm->asid_generation = cpu->asid_generation;
	control->asid = cpu->next_asid++;
}
