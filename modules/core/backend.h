/* SPDX-License-Identifier: GPL-2.0 */
/* The seam: what a hardware extension does for the core. It decodes, it never decides. */
#ifndef DUNE_CORE_BACKEND_H
#define DUNE_CORE_BACKEND_H

#include <linux/static_call.h>
#include <linux/types.h>

struct vcpu;
struct dune_sregs;

/* Bit layout of nested page table entries, all levels. */
struct tdp_format {
	u64 table;     /* set in every entry that points to a table */
	u64 leaf;      /* set in every leaf: present, user, accessed, memory type */
	u64 write;     /* added where the guest may write (with dirty) */
	u64 exec;      /* added where the guest may execute */
	u64 noexec;    /* added where it may not */
	u64 large;     /* added in leaves above the lowest level */
	u64 cached;    /* added for ordinary memory */
	u64 uncached;  /* added for memory that must not be cached */
	u64 accessed;  /* set by the CPU when it uses a leaf; 0: it cannot */
	u64 present;   /* an entry with none of these bits is empty */
	u64 encrypted; /* memory encryption bit, or 0 */
	bool exec_4k;  /* instructions come from 4 KiB leaves only */
};

/* An exception or interrupt to deliver at the next entry. */
struct vcpu_event {
	bool valid;
	bool has_error;
	u8 vector;
	u8 type; /* enum event_type */
	u32 error_code;
};

enum event_type { EVENT_INTERRUPT, EVENT_NMI, EVENT_EXCEPTION };

struct backend_ops {
	const char *name;
	u32 uapi_id; /* DUNE_BACKEND_* */

	/* 0, or -errno after one log line that says why not. */
	int (*probe)(void);
	/* Free what probe() took. */
	void (*remove)(void);
	/* Switch the extension on or off on this CPU; preemption is off. */
	int (*cpu_enable)(void);
	void (*cpu_disable)(void);
	/*
	 * Off for good, whoever was in the middle of whatever: maybe in an NMI,
	 * of a machine that crashes. Nothing of ours runs on this CPU again.
	 */
	void (*cpu_emergency)(void);

	/* Hardware state of one vCPU; may sleep. */
	int (*vcpu_create)(struct vcpu *vcpu);
	void (*vcpu_destroy)(struct vcpu *vcpu);
	/* Fetch what the CPU that it ran on last may still hold of it; interrupts on. */
	void (*cpu_leave)(struct vcpu *vcpu);

	/* Load or read system state; validated by the core before. */
	void (*sregs_set)(struct vcpu *vcpu, const struct dune_sregs *sregs);
	void (*sregs_get)(struct vcpu *vcpu, struct dune_sregs *sregs);

	/*
	 * One entry and exit, interrupts off on both sides. Delivers
	 * vcpu->event; drops cached nested translations first if flush_tdp is
	 * set, as it is when the vCPU comes from another CPU.
	 */
	void (*enter)(struct vcpu *vcpu, bool flush_tdp);
	/*
	 * Interrupts off, right before enter(): whether the guest as it stands would
	 * take an interrupt, and whether from then on to exit as soon as it would.
	 */
	bool (*interruptible)(struct vcpu *vcpu);
	void (*interrupt_window)(struct vcpu *vcpu, bool open);
	/*
	 * At the same place: exit with VCPU_EXIT_TIMER after so many ticks of the TSC in the
	 * guest, or when it sees fit before; VCPU_TIMER_NEVER: at no time that matters. False,
	 * or NULL: the CPU has nothing for it.
	 */
	bool (*timer_arm)(struct vcpu *vcpu, u64 ticks);
	/*
	 * Whether enter() can hold back the host's interrupts, as it does if vcpu->shield was
	 * not 0 at timer_arm(), until the timer's exit or another one; NULL: it cannot.
	 */
	bool (*shield_offered)(void);
	/* Fill vcpu->exit and, if delivery of an event was cut short, vcpu->event. */
	void (*exit_decode)(struct vcpu *vcpu);
	/* Step over the instruction that exited; length is its plain encoding's. */
	void (*rip_advance)(struct vcpu *vcpu, unsigned int length);
	/* Length of the hypercall instruction. */
	unsigned int hypercall_length;

	/* Format of the nested page table and its number of levels. */
	const struct tdp_format *(*tdp_format)(void);
	int (*tdp_levels)(void);
};

extern const struct backend_ops vmx_backend;
extern const struct backend_ops svm_backend;

/* The one chosen at load. */
extern const struct backend_ops *backend;

/* What every exit or interrupt takes is called directly: the calls are patched at load. */
#define BACKEND_DIRECT_LIST(X) \
	X(enter)               \
	X(exit_decode)         \
	X(rip_advance)         \
	X(interruptible)       \
	X(interrupt_window)

#define BACKEND_DIRECT_DECLARE(op) \
	DECLARE_STATIC_CALL(backend_##op, *(((struct backend_ops *)0)->op));
BACKEND_DIRECT_LIST(BACKEND_DIRECT_DECLARE)
#undef BACKEND_DIRECT_DECLARE

#endif
