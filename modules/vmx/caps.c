// SPDX-License-Identifier: GPL-2.0
/* What this processor's VMX can do, from its capability MSRs, and the controls made from it. */
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>

#include "vmx/vmx.h"

struct vmx_features vmx_features;

/* No guest runs without these. Absent are the guest's own: CR3, INVLPG, RDTSC, PAUSE. */
#define PIN_NEEDED (PIN_BASED_EXT_INTR_MASK | PIN_BASED_NMI_EXITING)
#define PRIMARY_NEEDED                                                         \
	(CPU_BASED_HLT_EXITING | CPU_BASED_MWAIT_EXITING |                     \
	 CPU_BASED_RDPMC_EXITING | CPU_BASED_CR8_LOAD_EXITING |                \
	 CPU_BASED_CR8_STORE_EXITING | CPU_BASED_MOV_DR_EXITING |              \
	 CPU_BASED_UNCOND_IO_EXITING | CPU_BASED_USE_MSR_BITMAPS |             \
	 CPU_BASED_MONITOR_EXITING | CPU_BASED_ACTIVATE_SECONDARY_CONTROLS)
#define PRIMARY_AT_TIMES CPU_BASED_INTR_WINDOW_EXITING
#define SECONDARY_NEEDED (SECONDARY_EXEC_ENABLE_EPT | SECONDARY_EXEC_WBINVD_EXITING)
#define SECONDARY_WANTED                                                       \
	(SECONDARY_EXEC_ENABLE_VPID | SECONDARY_EXEC_ENABLE_RDTSCP |           \
	 SECONDARY_EXEC_ENCLS_EXITING | SECONDARY_EXEC_PT_CONCEAL_VMX)
/* IA32_EFER and IA32_PAT are the host's own values: nothing to switch. */
#define EXIT_NEEDED (VM_EXIT_SAVE_DEBUG_CONTROLS | VM_EXIT_HOST_ADDR_SPACE_SIZE)
#define EXIT_WANTED VM_EXIT_PT_CONCEAL_PIP
#define ENTRY_NEEDED (VM_ENTRY_LOAD_DEBUG_CONTROLS | VM_ENTRY_IA32E_MODE)
#define ENTRY_WANTED VM_ENTRY_PT_CONCEAL_PIP

/* Of IA32_VMX_MISC; kernels have different names for it. */
#define MISC_TIMER_SHIFT 0x1f

/* A capability MSR: bits that must be 1 in its lower half, bits that may be in its upper. */
static int control_make(const char *what, u32 msr, u32 needed, u32 wanted, u32 *control)
{
	u32 must, may;

	rdmsr(msr, must, may);
	*control = (needed | wanted | must) & may;
	if ((*control & needed) == needed)
		return 0;
	pr_err("Intel VMX lacks %s controls %#x: not supported\n", what,
	       needed & ~*control);
	return -EOPNOTSUPP;
}

static int controls_make(u64 basic)
{
	/* The "true" MSRs let go of CR3 exits, which the older ones demand. */
	if (!(basic & BIT_ULL(55))) {
		pr_err("Intel VMX without true capability MSRs: not supported\n");
		return -EOPNOTSUPP;
	}
	return control_make("pin-based", MSR_IA32_VMX_TRUE_PINBASED_CTLS,
			    PIN_NEEDED, 0, &vmx_features.pin) ?:
	       control_make("primary", MSR_IA32_VMX_TRUE_PROCBASED_CTLS,
			    PRIMARY_NEEDED | PRIMARY_AT_TIMES, 0,
			    &vmx_features.primary) ?:
	       control_make("secondary", MSR_IA32_VMX_PROCBASED_CTLS2,
			    SECONDARY_NEEDED, SECONDARY_WANTED,
			    &vmx_features.secondary) ?:
	       control_make("exit", MSR_IA32_VMX_TRUE_EXIT_CTLS, EXIT_NEEDED,
			    EXIT_WANTED, &vmx_features.exit) ?:
	       control_make("entry", MSR_IA32_VMX_TRUE_ENTRY_CTLS, ENTRY_NEEDED,
			    ENTRY_WANTED, &vmx_features.entry);
}

static int ept_check(void)
{
	static const struct {
		u64 bit;
		const char *name;
	} needed[] = {
		{ VMX_EPT_PAGE_WALK_4_BIT, "a walk of four levels" },
		{ VMX_EPTP_WB_BIT, "write-back tables" },
		{ VMX_EPT_2MB_PAGE_BIT, "2 MiB pages" },
		{ VMX_EPT_INVEPT_BIT, "INVEPT" },
		{ VMX_EPT_EXTENT_GLOBAL_BIT, "INVEPT of everything" },
	};
	u64 caps;
	size_t i;

	rdmsrl(MSR_IA32_VMX_EPT_VPID_CAP, caps);
	for (i = 0; i < ARRAY_SIZE(needed); i++) {
		if (caps & needed[i].bit)
			continue;
		pr_err("Intel EPT without %s: not supported\n", needed[i].name);
		return -EOPNOTSUPP;
	}
	vmx_features.ept_dirty = caps & VMX_EPT_AD_BIT;
	vmx_features.invept_one = caps & VMX_EPT_EXTENT_CONTEXT_BIT;
	return 0;
}

int vmx_caps_probe(void)
{
	u64 basic, pin, misc;
	int error;

	/* The kernel hides the flag when the firmware has locked VMX off. */
	if (!(cpuid_ecx(1) & BIT(5))) {
		pr_err("this CPU has no Intel VMX (no \"vmx\" in /proc/cpuinfo)\n");
		return -EOPNOTSUPP;
	}
	if (!boot_cpu_has(X86_FEATURE_VMX)) {
		pr_err("Intel VMX is disabled by the firmware or the kernel's arguments\n");
		return -EOPNOTSUPP;
	}
	rdmsrl(MSR_IA32_VMX_BASIC, basic);
	error = controls_make(basic) ?: ept_check();
	if (error)
		return error;
	vmx_features.primary &= ~PRIMARY_AT_TIMES;
	vmx_features.revision = vmx_basic_vmcs_revision_id(basic);
	vmx_features.vpid = vmx_features.secondary & SECONDARY_EXEC_ENABLE_VPID;
	rdmsrl(MSR_IA32_VMX_TRUE_PINBASED_CTLS, pin);
	vmx_features.preemption_timer = pin >> 32 & PIN_BASED_VMX_PREEMPTION_TIMER;
	rdmsrl(MSR_IA32_VMX_MISC, misc);
	vmx_features.timer_shift = misc & MISC_TIMER_SHIFT;
	vmx_features.flush_l1d = boot_cpu_has_bug(X86_BUG_L1TF) &&
				 boot_cpu_has(X86_FEATURE_FLUSH_L1D) &&
				 l1tf_mitigation != L1TF_MITIGATION_OFF;
	return 0;
}
