// SPDX-License-Identifier: GPL-2.0
/* Nested page table entries: the EPT format. */
#include "vmx/vmx.h"

#define EPT_WRITE_BACK (6ull << VMX_EPT_MT_EPTE_SHIFT)
#define EPT_LARGE BIT_ULL(7)

const struct tdp_format *vmx_tdp_format(void)
{
	static struct tdp_format format = {
		.table = VMX_EPT_RWX_MASK,
		/* The host's memory types hold, whatever the guest's own tables say. */
		.leaf = VMX_EPT_READABLE_MASK | VMX_EPT_IPAT_BIT,
		.write = VMX_EPT_WRITABLE_MASK,
		.exec = VMX_EPT_EXECUTABLE_MASK,
		.large = EPT_LARGE,
		.cached = EPT_WRITE_BACK,
		.present = VMX_EPT_RWX_MASK,
	};

	/* Set beforehand, they cost no write of the CPU's later. */
	if (vmx_features.ept_dirty) {
		format.leaf |= VMX_EPT_ACCESS_BIT;
		format.write |= VMX_EPT_DIRTY_BIT;
		format.accessed = VMX_EPT_ACCESS_BIT;
	}
	/*
	 * A guest that changes the size of a page it executes from, as it may,
	 * stops such a CPU for good (CVE-2018-12207) unless every translation of
	 * instructions is 4 KiB large.
	 */
	format.exec_4k = boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT);
	return &format;
}

/* 48 bits of guest-physical addresses are more than all slots. */
int vmx_tdp_levels(void)
{
	return 4;
}
