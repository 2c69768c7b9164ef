// SPDX-License-Identifier: MIT
/* Model-specific registers: six are the guest's own, every other one does not exist for it. */
#include "lib/probe.h"

static const struct {
	const char *name;
	unsigned int nr;
} refused[] = {
	{ "TSC", 0x10 },
	{ "APIC_BASE", 0x1b },
	{ "FEATURE_CONTROL", 0x3a },
	{ "TSC_ADJUST", 0x3b },
	{ "SPEC_CTRL", 0x48 },
	{ "PRED_CMD", 0x49 },
	{ "microcode update", 0x79 },
	{ "microcode revision", 0x8b },
	{ "SMM monitor", 0x9b },
	{ "PMC", 0xc1 },
	{ "MPERF", 0xe7 },
	{ "MTRR capabilities", 0xfe },
	{ "ARCH_CAPABILITIES", 0x10a },
	{ "FLUSH_CMD", 0x10b },
	{ "SYSENTER_CS", 0x174 },
	{ "SYSENTER_ESP", 0x175 },
	{ "SYSENTER_EIP", 0x176 },
	{ "MCG_CAP", 0x179 },
	{ "PERFEVTSEL", 0x186 },
	{ "MISC_ENABLE", 0x1a0 },
	{ "DEBUGCTL", 0x1d9 },
	{ "last branch", 0x1db },
	{ "MTRR base", 0x200 },
	{ "MTRR fixed", 0x250 },
	{ "PAT", 0x277 },
	{ "MTRR default type", 0x2ff },
	{ "fixed counter control", 0x38d },
	{ "global counter control", 0x38f },
	{ "MC0_CTL", 0x400 },
	{ "VMX_BASIC", 0x480 },
	{ "VMX secondary controls", 0x48b },
	{ "VMX true pin-based controls", 0x48d },
	{ "RTIT_CTL", 0x570 },
	{ "DS_AREA", 0x600 },
	{ "U_CET", 0x6a0 },
	{ "S_CET", 0x6a2 },
	{ "TSC_DEADLINE", 0x6e0 },
	{ "x2APIC ID", 0x802 },
	{ "x2APIC EOI", 0x80b },
	{ "x2APIC ICR", 0x830 },
	{ "XSS", 0xda0 },
	{ "EFER", 0xc0000080 },
	{ "CSTAR", 0xc0000083 },
	{ "TSC_AUX", 0xc0000103 },
	{ "TSC_RATIO", 0xc0000104 },
	{ "SYSCFG", 0xc0010010 },
	{ "HWCR", 0xc0010015 },
	{ "TOP_MEM", 0xc001001a },
	{ "PATCH_LOADER", 0xc0010020 },
	{ "SMM_BASE", 0xc0010111 },
	{ "VM_CR", 0xc0010114 },
	{ "IGNNE", 0xc0010115 },
	{ "VM_HSAVE_PA", 0xc0010117 },
	{ "SVM_KEY", 0xc0010118 },
	{ "VIRT_SPEC_CTRL", 0xc001011f },
	{ "SEV-ES GHCB", 0xc0010130 },
	{ "of a paravirtual clock", 0x4b564d01 },
	{ "of a hypervisor's page", 0x40000001 },
	{ "the first", 0 },
	{ "behind the low map", 0x2000 },
	{ "before the high map", 0xbfffffff },
	{ "behind the high map", 0xc0002000 },
	{ "behind the AMD map", 0xc0012000 },
	{ "none such", 0x12345678 },
	{ "the last", 0xffffffff },
};

static const struct {
	const char *name;
	unsigned int nr;
	uint64_t value;
	bool address; /* must be canonical */
} own[] = {
	{ "FS_BASE", 0xc0000100, 0x7fffdeadb000, true },
	{ "GS_BASE", 0xc0000101, 0xffff8000deadb000, true },
	{ "KERNEL_GS_BASE", 0xc0000102, 0x00007ffffffff000, true },
	{ "STAR", 0xc0000081, 0x0023001012345678, false },
	{ "LSTAR", 0xc0000082, 0xffffffff81000000, true },
	{ "SFMASK", 0xc0000084, 0x47700, false },
};

static void msr_regs(unsigned int nr, uint64_t value)
{
	struct dune_regs *regs = probe_regs();

	regs->rcx = nr;
	regs->rax = (uint32_t)value;
	regs->rdx = value >> 32;
}

static bool read_is(int ring, unsigned int nr, const char *expected)
{
	bool ok;

	msr_regs(nr, 0);
	ok = RUN(ring, expected, "rdmsr");
	bare_reset(probe_guest);
	return ok;
}

static bool write_is(int ring, unsigned int nr, uint64_t value, const char *expected)
{
	bool ok;

	msr_regs(nr, value);
	ok = RUN(ring, expected, "wrmsr");
	bare_reset(probe_guest);
	return ok;
}

static bool keeps(unsigned int nr, uint64_t value)
{
	bool ok;

	msr_regs(nr, value);
	ok = RUN(0, "runs", "wrmsr\n\txor %%eax, %%eax\n\txor %%edx, %%edx\n\trdmsr") &&
	     (uint32_t)probe_regs()->rax == (uint32_t)value &&
	     (uint32_t)probe_regs()->rdx == value >> 32;
	bare_reset(probe_guest);
	return ok;
}

int main(void)
{
	bool canonical = true;
	unsigned int i;

	ktap_plan(sizeof(refused) / sizeof(*refused) + 2 * sizeof(own) / sizeof(*own) + 1);
	probe_init();
	for (i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		unsigned int nr = refused[i].nr;
		bool ok = read_is(0, nr, "#GP(0)");

		ok &= write_is(0, nr, 0, "#GP(0)");
		ok &= write_is(0, nr, ~0ul, "#GP(0)");
		ok &= read_is(3, nr, "#GP(0)");
		ktap_check(ok, "MSR %s is refused", refused[i].name);
	}
	for (i = 0; i < sizeof(own) / sizeof(*own); i++) {
		bool ok = read_is(3, own[i].nr, "#GP(0)");

		ok &= write_is(3, own[i].nr, 0, "#GP(0)");
		ktap_check(keeps(own[i].nr, own[i].value), "MSR %s is the guest's own",
			   own[i].name);
		ktap_check(ok, "MSR %s is not ring 3's", own[i].name);
		if (own[i].address)
			canonical &= write_is(0, own[i].nr, 1ul << 60, "#GP(0)");
	}
	ktap_check(canonical, "MSRs with addresses take no non-canonical one");
	return ktap_exit_status();
}
