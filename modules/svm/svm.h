/* SPDX-License-Identifier: GPL-2.0 */
/* AMD SVM: what its files share. */
#ifndef DUNE_SVM_SVM_H
#define DUNE_SVM_SVM_H

#include <asm/svm.h>

#include "core/backend.h"
#include "core/vcpu.h"

/* Hardware state of one vCPU. */
struct svm_vcpu {
	struct vmcb *vmcb;
	u64 vmcb_pa;
	u64 asid_generation; /* of the CPU it last ran on */
	u32 injected;	     /* EVENTINJ of the last entry: the CPU may change its own */
	u64 injected_rip;    /* where that was to happen */
	bool offered;	     /* that entry's interrupt is a virtual one: see svm_features */
};

/* What a CPU needs while the extension is on. */
struct svm_cpu {
	void *host_save;	/* VMRUN keeps host state here (VM_HSAVE_PA) */
	struct vmcb *host_vmcb; /* VMSAVE keeps FS, GS, TR, LDTR and MSRs here */
	u64 host_vmcb_pa;
	u64 asid_generation;
	u32 next_asid;
	bool enabled;
};

DECLARE_PER_CPU(struct svm_cpu, svm_cpus);

/* Facts about this processor, constant after probe. */
struct svm_features {
	u32 asids; /* number of address space identifiers */
	bool nrips;
	/*
	 * QEMU's TCG keeps the vector of an interrupt that EVENTINJ had it deliver, and
	 * may deliver that once more. Those that V_IRQ offers it delivers once.
	 */
	bool injects_twice;
};
extern struct svm_features svm_features;

/* Permission maps, all ones but for what the guest owns; shared by all vCPUs. */
struct svm_maps {
	void *io;  /* 12 KiB */
	void *msr; /* 8 KiB */
};
extern struct svm_maps svm_maps;

static inline struct svm_vcpu *to_svm(struct vcpu *vcpu)
{
	return vcpu->hw;
}

/* vmcb.c */
int svm_maps_create(void);
void svm_maps_destroy(void);
int svm_vcpu_create(struct vcpu *vcpu);
void svm_vcpu_destroy(struct vcpu *vcpu);
void svm_cpu_leave(struct vcpu *vcpu);
void svm_sregs_set(struct vcpu *vcpu, const struct dune_sregs *sregs);
void svm_sregs_get(struct vcpu *vcpu, struct dune_sregs *sregs);

/* asid.c */
void svm_asid_reset(struct svm_cpu *cpu);
/* Give the vCPU an ASID under which this CPU has no translation at all. */
void svm_asid_assign(struct svm_vcpu *svm, struct svm_cpu *cpu);

/* exit.c */
void svm_exit_decode(struct vcpu *vcpu);
void svm_rip_advance(struct vcpu *vcpu, unsigned int length);

/* npt.c */
const struct tdp_format *svm_tdp_format(void);
int svm_tdp_levels(void);

/* enter.S: guest registers but RAX, RSP, RIP, RFLAGS, which the VMCB has */
asmlinkage void svm_vmrun(u64 vmcb_pa, struct dune_regs *regs, u64 host_vmcb_pa);

#endif
