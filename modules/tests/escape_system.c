// SPDX-License-Identifier: MIT
/* Control and debug registers, and every other instruction that changes how the CPU works. */
#include "lib/probe.h"

/* A bit of CR0 or CR4 flipped: the guest's own kernel may not, its programs even less. */
#define FLIP(cr, name, bit)                                                     \
	RINGS("flip " cr "." name, "#GP(0)", "#GP(0)",                          \
	      "mov %%" cr ", %%rax\n\tbtc $" #bit ", %%rax\n\tmov %%rax, %%" cr)

static void control_registers(void)
{
	FLIP("cr0", "PE", 0);
	FLIP("cr0", "MP", 1);
	FLIP("cr0", "EM", 2);
	FLIP("cr0", "TS", 3);
	FLIP("cr0", "NE", 5);
	FLIP("cr0", "WP", 16);
	FLIP("cr0", "AM", 18);
	FLIP("cr0", "NW", 29);
	FLIP("cr0", "CD", 30);
	FLIP("cr0", "PG", 31);
	FLIP("cr0", "bit 32", 32);
	FLIP("cr4", "VME", 0);
	FLIP("cr4", "TSD", 2);
	FLIP("cr4", "DE", 3);
	FLIP("cr4", "PSE", 4);
	FLIP("cr4", "PAE", 5);
	FLIP("cr4", "MCE", 6);
	FLIP("cr4", "PGE", 7);
	FLIP("cr4", "PCE", 8);
	FLIP("cr4", "OSFXSR", 9);
	FLIP("cr4", "UMIP", 11);
	FLIP("cr4", "LA57", 12);
	FLIP("cr4", "VMXE", 13);
	FLIP("cr4", "SMXE", 14);
	FLIP("cr4", "FSGSBASE", 16);
	FLIP("cr4", "PCIDE", 17);
	FLIP("cr4", "OSXSAVE", 18);
	FLIP("cr4", "SMEP", 20);
	FLIP("cr4", "SMAP", 21);
	FLIP("cr4", "PKE", 22);
	FLIP("cr4", "bit 40", 40);
	RINGS("mov from cr8", "#GP(0)", "#GP(0)", "mov %%cr8, %%rax");
	RINGS("mov to cr8", "#GP(0)", "#GP(0)", "mov $15, %%eax\n\tmov %%rax, %%cr8");
	RINGS("mov to and from cr2", "runs", "#GP(0)",
	      "mov %%rsi, %%cr2\n\tmov %%cr2, %%rax\n\tcmp %%rax, %%rsi\n\tje 1f\n\tud2\n1:");
	RINGS("mov to and from cr3", "runs", "#GP(0)", "mov %%cr3, %%rax\n\tmov %%rax, %%cr3");
	RINGS("cr1", "#UD", "#UD|#GP(0)", ".byte 0x0f, 0x20, 0xc8");
	RINGS("cr15", "#UD", "#UD|#GP(0)", ".byte 0x44, 0x0f, 0x22, 0xf8");
	RINGS("lmsw with a changed bit", "#GP(0)", "#GP(0)",
	      "smsw %%ax\n\txor $8, %%ax\n\tlmsw %%ax");
	RINGS("smsw", "runs", "runs", "smsw %%rax");
	RING(3, "clts", "#GP(0)", "clts");
	ktap_check(RUN(0, "runs", "mov %%cr4, %%rax") && !(probe_regs()->rax & 1ul << 13),
		   "ring 0, cr4 shows no VMX");
	bare_reset(probe_guest);
}

#define DEBUG_REGISTER(nr)                                                   \
	RINGS("mov from dr" #nr, "#GP(0)", "#GP(0)", "mov %%db" #nr ", %%rax"); \
	RINGS("mov to dr" #nr, "#GP(0)", "#GP(0)", "mov %%rax, %%db" #nr)

static void debug_registers(void)
{
	DEBUG_REGISTER(0);
	DEBUG_REGISTER(1);
	DEBUG_REGISTER(2);
	DEBUG_REGISTER(3);
	DEBUG_REGISTER(4);
	DEBUG_REGISTER(5);
	DEBUG_REGISTER(6);
	DEBUG_REGISTER(7);
}

static void power_and_caches(void)
{
	RINGS("hlt", "#GP(0)", "#GP(0)", "hlt");
	RING(0, "sti and hlt", "#GP(0)@1", "sti\n\thlt");
	RINGS("monitor", "#UD", "#UD", "mov %%rsi, %%rax\n\tmonitor");
	RINGS("mwait", "#UD", "#UD", "mwait");
	RINGS("monitorx", "#UD", "#UD", "mov %%rsi, %%rax\n\tmonitorx %%rax, %%ecx, %%edx");
	RINGS("mwaitx", "#UD", "#UD", "mwaitx %%eax, %%ecx, %%ebx");
	RINGS("invd", "#GP(0)", "#GP(0)", "invd");
	RINGS("wbinvd", "#GP(0)", "#GP(0)", "wbinvd");
	RINGS("wbnoinvd", "#GP(0)", "#GP(0)", ".byte 0xf3, 0x0f, 0x09");
	RINGS("pause", "runs", "runs", "pause");
}

static void clocks_and_states(void)
{
	RINGS("rdpmc", "#GP(0)", "#GP(0)", "rdpmc");
	RINGS("rdpmc of a fixed counter", "#GP(0)", "#GP(0)", "mov $0x40000000, %%ecx\n\trdpmc");
	RINGS("rdtsc", "runs", "runs", "rdtsc");
	RINGS("rdtscp", "runs", "runs", "rdtscp");
	RINGS("xgetbv", "runs", "runs", "xor %%ecx, %%ecx\n\txgetbv");
	RINGS("xgetbv of what is none", "#GP(0)", "#GP(0)", "mov $7, %%ecx\n\txgetbv");
	RING(3, "xsetbv", "#GP(0)",
	     "xor %%ecx, %%ecx\n\txor %%edx, %%edx\n\tmov $7, %%eax\n\txsetbv");
}

static void tables_and_calls(void)
{
	RINGS("invlpg", "runs", "#GP(0)", "invlpg (%%rsi)");
	RINGS("swapgs", "runs", "#GP(0)", "swapgs\n\tswapgs");
	RINGS("sgdt and sidt", "runs", "runs", "sgdt (%%rsi)\n\tsidt 16(%%rsi)");
	RINGS("sldt and str", "runs", "runs", "sldt %%eax\n\tstr %%eax");
	RING(3, "lgdt", "#GP(0)", "lgdt (%%rsi)");
	RING(3, "lidt", "#GP(0)", "lidt (%%rsi)");
	RING(3, "lldt", "#GP(0)", "lldt %%ax");
	RING(3, "ltr", "#GP(0)", "ltr %%ax");
	RINGS("sysenter", "#GP(0)|#UD", "#GP(0)|#UD", "sysenter");
	RINGS("sysexit", "#GP(0)|#UD", "#GP(0)|#UD", "xor %%edx, %%edx\n\tsysexitl");
	RING(3, "sysret", "#GP(0)", "sysretq");
	RING(3, "iretq to ring 0", "#GP(0x10)",
	     "push $0x18\n\tpush %%rsp\n\tpush $2\n\tpush $0x10\n\tlea 1f(%%rip), %%rax\n\t"
	     "push %%rax\n\tiretq\n1:");
	RING(0, "iretq with NT set", "#GP(0)", "push $0x4002\n\tpopf\n\tiretq");
	RINGS("an instruction of 16 bytes", "#GP(0)", "#GP(0)",
	      ".fill 15, 1, 0x66\n\tnop");
	RINGS("ud2", "#UD", "#UD", "ud2");
	RINGS("push %%es of 32-bit code", "#UD", "#UD", ".byte 0x06");
	RINGS("lock without memory", "#UD", "#UD", ".byte 0xf0, 0x90");
}

int main(void)
{
	ktap_plan(171);
	probe_init();
	control_registers();
	debug_registers();
	power_and_caches();
	clocks_and_states();
	tables_and_calls();
	return ktap_exit_status();
}
