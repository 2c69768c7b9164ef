// SPDX-License-Identifier: MIT
/* Instructions of the virtualization extensions, of either vendor, and hypercalls. */
#include "lib/probe.h"

#define NONE(name, text) RINGS(name, "#UD", "#UD|#GP(0)", text)

static void svm(void)
{
	NONE("vmrun", "xor %%eax, %%eax\n\tvmrun");
	NONE("vmload", "xor %%eax, %%eax\n\tvmload");
	NONE("vmsave", "xor %%eax, %%eax\n\tvmsave");
	NONE("stgi", "stgi");
	NONE("clgi", "clgi");
	NONE("skinit", "skinit");
	NONE("invlpga", "invlpga");
	NONE("invlpgb", ".byte 0x0f, 0x01, 0xfe");
	NONE("tlbsync", ".byte 0x0f, 0x01, 0xff");
	NONE("mcommit", "mov %%rsi, %%rax\n\t"
	     ".byte 0xf3, 0x0f, 0x01, 0xfa");
	NONE("psmash", ".byte 0xf3, 0x0f, 0x01, 0xff");
}

static void vmx(void)
{
	NONE("vmxon", "vmxon (%%rsi)");
	NONE("vmxoff", "vmxoff");
	NONE("vmclear", "vmclear (%%rsi)");
	NONE("vmptrld", "vmptrld (%%rsi)");
	NONE("vmptrst", "vmptrst (%%rsi)");
	NONE("vmread of a register", "vmread %%rax, %%rcx");
	NONE("vmread of memory", "vmread %%rax, (%%rsi)");
	NONE("vmwrite", "vmwrite (%%rsi), %%rax");
	NONE("vmlaunch", "vmlaunch");
	NONE("vmresume", "vmresume");
	NONE("invept", "invept (%%rsi), %%rax");
	NONE("invvpid", "invvpid (%%rsi), %%rax");
	NONE("vmfunc", "xor %%eax, %%eax\n\tvmfunc");
	NONE("vmfunc of what is none", "mov $77, %%eax\n\tvmfunc");
}

/*
 * Intel makes these invalid unless the host allows them. AMD cannot intercept them:
 * ring 0 reaches what the host's IA32_XSS names, which is the process's own state.
 */
static void supervisor_state(void)
{
	bool intel = probe_guest->intel;

	RINGS("xsaves", intel ? "#UD" : "#UD|runs", intel ? "#UD" : "#UD|#GP(0)",
	      ".byte 0x0f, 0xc7, 0x2e");
	RINGS("xrstors of the wrong format", intel ? "#UD" : "#UD|#GP(0)",
	      intel ? "#UD" : "#UD|#GP(0)", "movq $0, 520(%%rsi)\n\t"
	      ".byte 0x0f, 0xc7, 0x1e");
}

static void others(void)
{
	NONE("invpcid", "mov $2, %%eax\n\tinvpcid (%%rsi), %%rax");
	NONE("getsec", "xor %%eax, %%eax\n\tgetsec");
	NONE("getsec senter", "mov $4, %%eax\n\tgetsec");
	NONE("rsm", "rsm");
	NONE("encls", ".byte 0x0f, 0x01, 0xcf");
	NONE("enclu", ".byte 0x0f, 0x01, 0xd7");
	NONE("enclv", ".byte 0x0f, 0x01, 0xc0");
	NONE("pconfig", ".byte 0x0f, 0x01, 0xc5");
	supervisor_state();
	NONE("hreset", ".byte 0xf3, 0x0f, 0x3a, 0xf0, 0xc0, 0x00");
	NONE("seamcall", ".byte 0x66, 0x0f, 0x01, 0xcf");
	NONE("tdcall", ".byte 0x66, 0x0f, 0x01, 0xcc");
	NONE("uiret", ".byte 0xf3, 0x0f, 0x01, 0xec");
	NONE("wrpkru", ".byte 0x0f, 0x01, 0xef");
	NONE("clui", ".byte 0xf3, 0x0f, 0x01, 0xee");
}

static void hypercalls(void)
{
	RING(3, "hypercall", "#UD@0", "vmmcall\n\tnop");
	RING(3, "hypercall behind a shadow", "#UD@4",
	     "mov %%ss, %%eax\n\tmov %%eax, %%ss\n\tvmmcall\n\tnop");
	RINGS("the other vendor's hypercall", "#UD", "#UD", "vmcall\n\tnop");
	probe_regs()->rax = ~0ul;
	probe_regs()->r15 = 15;
	ktap_check(RUN(0, "runs", "vmmcall\n\tnop") && probe_regs()->rax == ~0ul &&
			   probe_regs()->r15 == 15 &&
			   probe_regs()->rip == bare_at(probe_guest, BARE_CODE) + 3,
		   "ring 0, hypercall gives the registers as they are");
	bare_reset(probe_guest);
	probe_regs()->rflags |= 0x3000;
	RING(3, "IOPL 3, hypercall", "#UD@0", "vmmcall\n\tnop");
}

int main(void)
{
	ktap_plan(88);
	probe_init();
	svm();
	vmx();
	others();
	hypercalls();
	return ktap_exit_status();
}
