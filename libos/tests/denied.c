// SPDX-License-Identifier: MIT
/* What is the host's stays the host's: privileged instructions in ring 0 give an exception. */
#include <cpuid.h>
#include <setjmp.h>

#include "lib/dune_mode.h"

static volatile int trapped;
static volatile unsigned long trapped_error;

/* Each probe ends in a jump over its instruction: rip moves to a label it gave. */
static unsigned long resume_at;

static void on_trap(struct dune_trap_frame *frame, void *arg)
{
	(void)arg;
	trapped = (int)frame->vector;
	trapped_error = frame->error_code;
	frame->rip = resume_at;
}

/* The vector that the instruction raises with these registers, -1 for none. */
#define PROBE(insn, ax, cx, dx)                                               \
	({                                                                    \
		unsigned long a_ = (unsigned long)(ax), c_ = (cx), d_ = (dx); \
		unsigned long s_ = (unsigned long)page;                       \
									      \
		trapped = -1;                                                 \
		asm volatile("lea 1f(%%rip), %%r15\n\tmov %%r15, %[resume]\n\t" \
			     insn "\n1:"                                      \
			     : [resume] "=m"(resume_at), "+a"(a_), "+c"(c_),  \
			       "+d"(d_), "+S"(s_)                             \
			     :                                                \
			     : "r15", "memory", "cc");                        \
		trapped;                                                      \
	})

#define CR0_WP (1ul << 16)

static char page[8192] __attribute__((aligned(4096)));

static void denied(const char *name, int vector, int expected)
{
	ktap_check(vector == expected, "%s: vector %d (expected %d)", name, vector,
		   expected);
}

static void msrs(void)
{
	static const struct {
		const char *name;
		unsigned int nr;
	} forbidden[] = {
		{ "TSC", 0x10 },	 { "APIC_BASE", 0x1b },
		{ "SPEC_CTRL", 0x48 },	 { "MTRRcap", 0xfe },
		{ "SYSENTER_EIP", 0x176 }, { "MCG_STATUS", 0x17a },
		{ "PAT", 0x277 },	 { "x2APIC ICR", 0x830 },
		{ "DEBUGCTL", 0x1d9 },	 { "EFER", 0xc0000080 },
		{ "TSC_AUX", 0xc0000103 }, { "VM_CR", 0xc0010114 },
		{ "VM_HSAVE_PA", 0xc0010117 }, { "none such", 0x12345678 },
	};
	static const unsigned int own[] = { 0xc0000100, 0xc0000101, 0xc0000102,
					    0xc0000081, 0xc0000082, 0xc0000084 };
	unsigned int i;
	bool ok = true;

	for (i = 0; i < sizeof(forbidden) / sizeof(*forbidden); i++) {
		int r = PROBE("rdmsr", 0, forbidden[i].nr, 0);
		int w = PROBE("wrmsr", 0, forbidden[i].nr, 0);

		ktap_check(r == DUNE_TRAP_GP && w == DUNE_TRAP_GP,
			   "RDMSR and WRMSR of %s: vectors %d, %d", forbidden[i].name, r,
			   w);
	}
	for (i = 0; i < sizeof(own) / sizeof(*own); i++)
		ok &= PROBE("rdmsr\n\twrmsr", 0, own[i], 0) == -1;
	ktap_check(ok, "FS, GS and SYSCALL MSRs are the guest's own");
}

static void cpuid_is_filtered(void)
{
	unsigned int a, b, c, d, vendor[4] = { 0 };

	__cpuid(1, a, b, c, d);
	ktap_check(!(c & (1u << 5)) && c & (1u << 31) && !(c & (1u << 3)),
		   "CPUID: hypervisor yes, VMX and MONITOR no");
	__cpuid(0x80000001, a, b, c, d);
	ktap_check(!(c & (1u << 2)), "CPUID: no SVM");
	__cpuid(0x40000000, a, vendor[0], vendor[1], vendor[2]);
	ktap_check(!strcmp((char *)vendor, "DuneDuneDune"), "CPUID: vendor %s",
		   (char *)vendor);
}

int main(void)
{
	unsigned long value = 0x80050033;

	ktap_plan(49);
	must_init_and_enter();
	dune_trap_set(DUNE_TRAP_GP, on_trap, NULL);
	dune_trap_set(DUNE_TRAP_UD, on_trap, NULL);
	denied("ud2 (the probe itself)", PROBE("ud2", 0, 0, 0), DUNE_TRAP_UD);
	denied("nop (the probe itself)", PROBE("nop", 0, 0, 0), -1);
	denied("in %dx, %al", PROBE("in %%dx, %%al", 0, 0, 0x80), DUNE_TRAP_GP);
	denied("out %al, %dx", PROBE("out %%al, %%dx", 0, 0, 0x80), DUNE_TRAP_GP);
	denied("out to the reset port", PROBE("out %%al, %%dx", 6, 0, 0xcf9),
	       DUNE_TRAP_GP);
	denied("rep outsb", PROBE("rep outsb", 0, 1, 0x80),
	       DUNE_TRAP_GP);
	denied("mov to cr0", PROBE("mov %%rax, %%cr0", value ^ CR0_WP, 0, 0), DUNE_TRAP_GP);
	denied("clts", PROBE("clts", 0, 0, 0), DUNE_TRAP_GP);
	denied("lmsw", PROBE("lmsw %%ax", 0, 0, 0), DUNE_TRAP_GP);
	denied("mov to cr4", PROBE("mov %%rax, %%cr4", 0x20, 0, 0), DUNE_TRAP_GP);
	denied("mov to cr8", PROBE("mov %%rax, %%cr8", 0xf, 0, 0), DUNE_TRAP_GP);
	denied("mov from cr8", PROBE("mov %%cr8, %%rax", 0, 0, 0), DUNE_TRAP_GP);
	denied("mov to dr0", PROBE("mov %%rax, %%db0", 0, 0, 0), DUNE_TRAP_GP);
	denied("mov from dr7", PROBE("mov %%db7, %%rax", 0, 0, 0), DUNE_TRAP_GP);
	denied("hlt", PROBE("hlt", 0, 0, 0), DUNE_TRAP_GP);
	denied("invd", PROBE("invd", 0, 0, 0), DUNE_TRAP_GP);
	denied("wbinvd", PROBE("wbinvd", 0, 0, 0), DUNE_TRAP_GP);
	denied("rdpmc", PROBE("rdpmc", 0, 0, 0), DUNE_TRAP_GP);
	denied("xsetbv", PROBE("xsetbv", 7, 0, 0), DUNE_TRAP_GP);
	denied("monitor", PROBE("monitor", page, 0, 0), DUNE_TRAP_UD);
	denied("mwait", PROBE("mwait", 0, 0, 0), DUNE_TRAP_UD);
	denied("vmrun", PROBE("vmrun", 0, 0, 0), DUNE_TRAP_UD);
	denied("vmload", PROBE("vmload", 0, 0, 0), DUNE_TRAP_UD);
	denied("vmsave", PROBE("vmsave", 0, 0, 0), DUNE_TRAP_UD);
	denied("stgi", PROBE("stgi", 0, 0, 0), DUNE_TRAP_UD);
	denied("clgi", PROBE("clgi", 0, 0, 0), DUNE_TRAP_UD);
	denied("skinit", PROBE("skinit", 0, 0, 0), DUNE_TRAP_UD);
	denied("invlpga", PROBE("invlpga", 0, 0, 0), DUNE_TRAP_UD);
	denied("vmxon", PROBE("vmxon (%%rsi)", 0, 0, 0), DUNE_TRAP_UD);
	denied("mov to cr3 of itself",
	       PROBE("mov %%cr3, %%rax\n\tmov %%rax, %%cr3", 0, 0, 0), -1);
	denied("pushf, cli, sti, popf", PROBE("pushf\n\tcli\n\tsti\n\tpopf", 0, 0, 0), -1);
	msrs();
	cpuid_is_filtered();
	return ktap_exit_status();
}
