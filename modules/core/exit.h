/* SPDX-License-Identifier: GPL-2.0 */
/* Neutral exit reasons: one list makes the enum, the names, the counters and the handler table. */
#ifndef DUNE_CORE_EXIT_H
#define DUNE_CORE_EXIT_H

#include <linux/types.h>

/* reason, handler, meaning. Order is ABI for debugfs only. */
#define VCPU_EXIT_LIST(X)                                                    \
	X(INTERRUPT, resume, "host interrupt, NMI, SMI or INIT")             \
	X(HYPERCALL, hypercall, "VMCALL or VMMCALL")                         \
	X(TDP_FAULT, tdp_fault, "nested page fault")                         \
	X(CPUID, cpuid, "CPUID")                                             \
	X(IO, denied_gp, "port I/O")                                         \
	X(RDMSR, denied_gp, "RDMSR of an MSR the guest does not own")        \
	X(WRMSR, denied_gp, "WRMSR of an MSR the guest does not own")        \
	X(CR_ACCESS, denied_gp, "write of CR0, CR4, CR8; LMSW; CLTS")        \
	X(DR_ACCESS, denied_gp, "debug register access")                     \
	X(HLT, denied_gp, "HLT")                                             \
	X(INVD, denied_gp, "INVD or WBINVD")                                 \
	X(RDPMC, denied_gp, "RDPMC")                                         \
	X(XSETBV, denied_gp, "XSETBV")                                       \
	X(TASK_SWITCH, denied_gp, "hardware task switch")                    \
	X(MWAIT, denied_ud, "MONITOR or MWAIT")                              \
	X(VIRT_INSN, denied_ud, "an instruction of the extension itself")    \
	X(DEBUG, reflect, "#DB")                                             \
	X(ALIGN, reflect, "#AC")                                             \
	X(MACHINE_CHECK, resume, "#MC, taken at once")                               \
	X(INTERRUPT_WINDOW, window, "an interrupt of another thread waits and can be taken") \
	X(TIMER, timer, "the time has come to look at the vCPU's timer")     \
	X(SHUTDOWN, shutdown, "triple fault")                                \
	X(ENTRY_FAILED, entry_failed, "the CPU refused the guest state")     \
	X(UNKNOWN, unknown, "anything else")

enum vcpu_exit_reason {
#define VCPU_EXIT_ENUM(name, handler, doc) VCPU_EXIT_##name,
	VCPU_EXIT_LIST(VCPU_EXIT_ENUM)
#undef VCPU_EXIT_ENUM
	VCPU_EXIT_COUNT
};

#define TDP_ACCESS_WRITE (1u << 0)
#define TDP_ACCESS_EXEC (1u << 1)
#define TDP_ACCESS_TABLE (1u << 2) /* met while walking the guest's page tables */

/* What a backend decodes a hardware exit into. */
struct vcpu_exit {
	enum vcpu_exit_reason reason;
	u64 hw_reason;
	u64 gpa;        /* TDP_FAULT */
	u32 access;     /* TDP_FAULT: TDP_ACCESS_* */
	u32 error_code; /* DEBUG, ALIGN: the exception's error code */
	u8 cpl;         /* HYPERCALL */
};

/* What the run loop does next. */
enum exit_action { RESUME_GUEST, RETURN_TO_USER };

struct vcpu;

/* By reason; each returns an enum exit_action or -errno. */
extern int (*const exit_handlers[VCPU_EXIT_COUNT])(struct vcpu *vcpu);
extern const char *const vcpu_exit_names[VCPU_EXIT_COUNT];

#endif
