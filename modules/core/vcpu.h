/* SPDX-License-Identifier: GPL-2.0 */
/* struct vcpu: one thread's virtual CPU, and the loop that runs it. */
#ifndef DUNE_CORE_VCPU_H
#define DUNE_CORE_VCPU_H

#include <linux/mutex.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "core/backend.h"
#include "core/exit.h"
#include "core/stats.h"
#include "core/timer.h"
#include "core/vm.h"
#include "dune.h"

/* (c) constant after creation, [r] run_lock, [m] the VM's mmu_lock */
struct vcpu {
	struct vm *vm;		/* (c) */
	struct list_head link;	/* [m] in vm->vcpus */
	struct dune_run *run;	/* (c) the page user space maps: never trusted twice */
	void *hw;		/* (c) the backend's own */
	unsigned int nr;	/* (c) in its VM: the lowest that was free */

	struct mutex run_lock;
	struct dune_regs regs;	/* [r] */
	struct vcpu_exit exit;	/* [r] of the last exit */
	struct vcpu_event event; /* [r] to deliver at the next entry */
	bool event_sets_cr2;	/* [r] with a page fault from user space */
	u64 event_cr2;		/* [r] */
	bool has_sregs;		/* [r] system state was loaded once */
	u64 entries_seen;	/* [r] when ring 3 last had to be asked */
	bool dead;		/* [r] after a shutdown nothing is defined */
	bool new_run;		/* [r] no entry since DUNE_VCPU_RUN: for the backend */
	int last_cpu;		/* [r] or -1 */
	unsigned long tlb_gen;	/* [r] vm->tlb_gen at the last flush */
	struct tdp_cache cache;	/* [r] */
	struct event_counts counts; /* [r] writes */

	/* CPU it is inside the guest on, or -1: read by those who want it out */
	int in_guest_cpu;

	/* What must be looked at before entering; both at once, as every entry asks. */
	union {
		struct {
			bool interrupt_work; /* vectors wait, or the window is open */
			bool timer_work; /* [r] there is a timer, or a shield */
		};
		u16 work;
	};
	/* Any thread sets these and interrupt_work, without a lock; who runs it clears them. */
	DECLARE_BITMAP(interrupts, 256); /* that wait, by vector */

	struct vcpu_timer timer; /* [r] */
	u64 shield;		/* [r] its end, while the next entry is to be under it; or 0 */
};

struct vcpu *vcpu_create(struct vm *vm);
void vcpu_destroy(struct vcpu *vcpu);
/* DUNE_VCPU_RUN */
int vcpu_run(struct vcpu *vcpu);
/* DUNE_VCPU_SREGS */
int vcpu_sregs(struct vcpu *vcpu);

/* interrupt.c */
/* DUNE_VCPU_INTERRUPT: by any thread. */
int vcpu_interrupt(struct vcpu *vcpu, unsigned long vector);
/* Right before an entry, interrupts off: have the guest take one, or ask to be told when it can. */
void vcpu_interrupts_take(struct vcpu *vcpu);

/* shield.c */
bool vcpu_shield_offered(void);
/* Whether the next entry is to be under the shield: until when, or VCPU_TIMER_NEVER. */
u64 vcpu_shield_look(struct vcpu *vcpu, u64 now);

/* Queue an exception for the next entry. */
void vcpu_queue_exception(struct vcpu *vcpu, u8 vector, u32 error_code);
/* Step over the instruction that exited, whose plain encoding is this long. */
static inline void vcpu_insn_skip(struct vcpu *vcpu, unsigned int length)
{
	static_call(backend_rip_advance)(vcpu, length);
	/* A debugger's single step ends behind this instruction as behind any other. */
	if (unlikely(vcpu->regs.rflags & X86_EFLAGS_TF))
		vcpu_queue_exception(vcpu, X86_TRAP_DB, 0);
}

/* run_page.c: between the run page and the vCPU, all checks included. */
int run_page_load(struct vcpu *vcpu);
void run_page_store(struct vcpu *vcpu, u32 exit_reason);

/* exit.c */
int handle_hypercall(struct vcpu *vcpu);
/* fault.c */
int handle_tdp_fault(struct vcpu *vcpu);
/* cpuid.c */
int handle_cpuid(struct vcpu *vcpu);

#endif
