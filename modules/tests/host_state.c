// SPDX-License-Identifier: MIT
/* What a process sees of its own CPU state stays as it was across guests that load all of it. */
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <cpuid.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/probe.h"

#define RUNS 200
#define USER_DS 0x2bu
#define LDT_SELECTOR 7u /* entry 0, ring 3 */
#define GS_BASE 0x123456789000ul

#define DF (1ul << 10)
#define AC (1ul << 18)
#define ID (1ul << 21)

/* Of an XSAVE area, standard format. */
#define XSAVE_X87_SSE_AVX 7u
#define XSAVE_MXCSR 24
#define XSAVE_XMM 160
#define XSAVE_YMM 576
#define XSAVE_BITS 512

static struct bare *bare;
static bool failed; /* a run ended as it should not */

/* The guest's own segments and flags, and a store, again and again. */
static void guest_load(unsigned long flags)
{
	struct code code = CODE("1:\tmov $0x18, %%eax\n\t"
				"mov %%eax, %%ds\n\tmov %%eax, %%es\n\t"
				"mov %%eax, %%fs\n\tmov %%eax, %%gs\n\tswapgs\n\t"
				"push %%rbx\n\tpopfq\n\tincb (%%rsi)\n\t"
				"push %%rbx\n\tpopfq\n\tvmmcall\n\tjmp 1b");

	bare_reset(bare);
	bare->run->sregs.fs_base = 0x111111111000;
	bare->run->sregs.gs_base = 0x222222222000;
	bare->run->sregs.kernel_gs_base = 0x333333333000;
	bare->run->sregs.star = ~0ul;
	bare->run->sregs.lstar = 0x444444444000;
	bare->run->sregs.sfmask = ~0u;
	bare_load(bare, 0, code.start, (size_t)(code.end - code.start));
	bare->run->regs.rbx = flags | 2;
}

/* Run it once from such flags; the flags that the run leaves. */
static unsigned long run_from(unsigned long flags)
{
	unsigned long left, ret;

	do {
		asm volatile("lea -128(%%rsp), %%rsp\n\t"
			     "push %[flags]\n\tpopfq\n\t"
			     "syscall\n\t"
			     "pushfq\n\tpop %[left]\n\t"
			     "push $2\n\tpopfq\n\t"
			     "lea 128(%%rsp), %%rsp"
			     : "=a"(ret), [left] "=&r"(left)
			     : "0"((long)SYS_ioctl), "D"((long)bare->vcpu),
			       "S"((long)DUNE_VCPU_RUN), "d"(0l), [flags] "r"(flags | 2)
			     : "rcx", "r11", "memory", "cc");
	} while (ret == (unsigned long)-EINTR);
	failed |= ret || bare->run->exit_reason != DUNE_EXIT_SYSCALL ||
		  bare->run->regs.rip - bare_at(bare, BARE_CODE) > BARE_PAGE;
	return left;
}

static void flags(void)
{
	const unsigned long all = DF | AC | ID;
	bool ok = true;
	int i;

	guest_load(0);
	for (i = 0; i < RUNS; i++)
		ok &= (run_from(all) & all) == all;
	ktap_check(ok && !failed, "flags that only the host has set stay set");
	guest_load(all);
	for (i = 0, ok = true; i < RUNS; i++)
		ok &= (run_from(0) & all) == 0 && (bare->run->regs.rflags & all) == all;
	ktap_check(ok && !failed, "flags that only the guest has set stay there");
}

#define SELECTOR(name) \
	({ unsigned int s_; asm volatile("mov %%" #name ", %0" : "=r"(s_)); s_ & 0xffff; })

static unsigned long base(int which)
{
	unsigned long value = 0;

	syscall(SYS_arch_prctl, which, &value);
	return value;
}

/* A selector in FS, and the base back before anything looks for its thread there. */
static void fs_select(unsigned int selector, unsigned long fs_base)
{
	long ret;

	asm volatile("mov %[selector], %%fs\n\tsyscall"
		     : "=a"(ret)
		     : "0"((long)SYS_arch_prctl), "D"((long)ARCH_SET_FS), "S"(fs_base),
		       [selector] "r"(selector)
		     : "rcx", "r11", "memory");
}

/* With selectors that stand for something, of the GDT or of an LDT, or for nothing. */
static bool segments_stay(unsigned int data, unsigned int extra)
{
	unsigned long fs_base = base(ARCH_GET_FS), gs_base;
	bool ok = true;
	int i;

	asm volatile("mov %0, %%ds\n\tmov %1, %%es\n\tmov %1, %%gs" ::"r"(data), "r"(extra));
	fs_select(data, fs_base);
	if (extra != LDT_SELECTOR)
		syscall(SYS_arch_prctl, ARCH_SET_GS, GS_BASE);
	gs_base = base(ARCH_GET_GS);
	guest_load(0);
	for (i = 0; i < RUNS; i++) {
		run_from(0);
		ok &= SELECTOR(ds) == data && SELECTOR(es) == extra &&
		      base(ARCH_GET_FS) == fs_base && base(ARCH_GET_GS) == gs_base;
	}
	if (extra == LDT_SELECTOR) /* by its base: what the descriptor has */
		ok &= SELECTOR(gs) == LDT_SELECTOR && gs_base == 0x5000;
	else
		ok &= gs_base == GS_BASE;
	asm volatile("mov %0, %%ds\n\tmov %0, %%es\n\tmov %0, %%gs" ::"r"(0));
	fs_select(0, fs_base);
	return ok && !failed;
}

static void segments(void)
{
	struct user_desc entry = { .base_addr = 0x5000, .limit = 0xfffff, .seg_32bit = 1,
				   .limit_in_pages = 1, .useable = 1 };

	ktap_check(segments_stay(0, 0), "bases with empty selectors");
	ktap_check(segments_stay(USER_DS, USER_DS), "selectors of the GDT");
	if (syscall(SYS_modify_ldt, 1, &entry, sizeof(entry)))
		ktap_skip("selectors of an LDT", "this kernel has no modify_ldt");
	else
		ktap_check(segments_stay(USER_DS, LDT_SELECTOR), "selectors of an LDT");
}

static unsigned char area[3][4096] __attribute__((aligned(64)));

static void xsave(unsigned char *to)
{
	asm volatile("xsave64 %0" : "+m"(*(unsigned char(*)[4096])to)
		     : "a"(XSAVE_X87_SSE_AVX), "d"(0));
}

/* Vectors, rounding and masks of the process, which this guest leaves alone. */
static bool vectors_stay(void)
{
	unsigned char *own = area[0], *mine = area[1], *after = area[2];
	unsigned int i;
	long ret;

	xsave(own);
	memcpy(mine, own, sizeof(area[1]));
	for (i = 0; i < 256; i++) {
		mine[XSAVE_XMM + i] = 7 * i + 1;
		mine[XSAVE_YMM + i] = 5 * i + 3;
	}
	memcpy(mine, "\x7f\x0c", 2); /* x87: round to zero */
	memcpy(mine + XSAVE_MXCSR, "\x80\x5f\0\0", 4); /* SSE: round up */
	mine[XSAVE_BITS] |= __builtin_cpu_supports("avx") ? 7 : 3;
	do {
		asm volatile("mov $7, %%eax\n\txor %%edx, %%edx\n\txrstor64 (%[mine])\n\t"
			     "mov $16, %%eax\n\tsyscall\n\t"
			     "mov %%rax, %%rbx\n\t"
			     "mov $7, %%eax\n\txor %%edx, %%edx\n\txsave64 (%[after])\n\t"
			     "mov $7, %%eax\n\txrstor64 (%[own])"
			     : "=&b"(ret)
			     : "D"((long)bare->vcpu), "S"((long)DUNE_VCPU_RUN),
			       [mine] "r"(mine), [after] "r"(after), [own] "r"(own)
			     : "rax", "rdx", "rcx", "r11", "memory");
	} while (ret == -EINTR);
	return !ret && !memcmp(mine, after, 2) &&
	       !memcmp(mine + XSAVE_MXCSR, after + XSAVE_MXCSR, 4) &&
	       !memcmp(mine + XSAVE_XMM, after + XSAVE_XMM, 256) &&
	       (!(mine[XSAVE_BITS] & 4) || !memcmp(mine + XSAVE_YMM, after + XSAVE_YMM, 256));
}

static void vectors(void)
{
	unsigned int eax, ebx, ecx, edx;
	bool ok = true;
	int i;

	__cpuid(1, eax, ebx, ecx, edx);
	if (!(ecx & bit_OSXSAVE)) {
		ktap_skip("vectors and their modes", "this CPU has no XSAVE");
		return;
	}
	guest_load(0);
	for (i = 0; i < RUNS; i++)
		ok &= vectors_stay();
	ktap_check(ok, "vectors and their modes");
}

static bool has_protection_keys(void)
{
	unsigned int eax, ebx, ecx, edx;

	__cpuid_count(7, 0, eax, ebx, ecx, edx);
	return ecx & bit_OSPKE;
}

static void protection_keys(void)
{
	unsigned int eax, edx, keys = 0xc0000000;
	bool ok = true;
	int i;

	asm volatile(".byte 0x0f, 0x01, 0xef" ::"a"(keys), "c"(0), "d"(0)); /* wrpkru */
	guest_load(0);
	for (i = 0; i < RUNS; i++) {
		run_from(0);
		asm volatile(".byte 0x0f, 0x01, 0xee" : "=a"(eax), "=d"(edx) : "c"(0));
		ok &= eax == keys;
	}
	ktap_check(ok && !failed, "protection keys");
}

static volatile uint32_t watched;

/* Traced: guests that cross watched places, then the host does. */
static void traced(void)
{
	int i;

	bare = bare_create();
	guest_load(0);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	for (i = 0; i < RUNS && !failed; i++)
		run_from(0);
	raise(SIGUSR1);
	watched = 1;
	*(volatile unsigned char *)bare_at(bare, BARE_DATA) = 1;
	_exit(failed);
}

#define DEBUG_REGISTER(n) ((void *)(offsetof(struct user, u_debugreg) + 8 * (n)))

/* The signal with which it stops next. */
static int stop_of(pid_t pid, int signal)
{
	int status;

	if (ptrace(PTRACE_CONT, pid, NULL, (void *)(long)signal) ||
	    waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFSTOPPED(status) ? WSTOPSIG(status) : -1;
}

static void debug_registers(void)
{
	/* Writes of 4 bytes, of 1; execution. Local enable bits of all four. */
	const unsigned long control = 0x55 | 0xdul << 16 | 0x1ul << 20, data = 0x100004000000ul;
	const unsigned long at[4] = { (unsigned long)&watched, data + BARE_DATA * BARE_PAGE,
				      data + BARE_CODE * BARE_PAGE,
				      data + BARE_STUBS * BARE_PAGE };
	unsigned long control_now;
	bool ok, same = true;
	int status = -1, i;
	pid_t pid = fork();

	if (pid == 0)
		traced();
	ok = waitpid(pid, &status, 0) == pid && WIFSTOPPED(status);
	for (i = 0; i < 4; i++)
		ok &= !ptrace(PTRACE_POKEUSER, pid, DEBUG_REGISTER(i), at[i]);
	ok &= !ptrace(PTRACE_POKEUSER, pid, DEBUG_REGISTER(7), control);
	ktap_check(ok, "a process with watchpoints");
	ktap_check(stop_of(pid, 0) == SIGUSR1, "none fires in its guest");
	for (i = 0; i < 4; i++)
		same &= ptrace(PTRACE_PEEKUSER, pid, DEBUG_REGISTER(i), NULL) == (long)at[i];
	control_now = ptrace(PTRACE_PEEKUSER, pid, DEBUG_REGISTER(7), NULL);
	ktap_check(same && (control_now & 0xffff00ff) == control, "they are as they were");
	ktap_check(stop_of(pid, 0) == SIGTRAP &&
			   ptrace(PTRACE_PEEKUSER, pid, DEBUG_REGISTER(6), NULL) & 1,
		   "one fires after its guest");
	ktap_check(stop_of(pid, 0) == SIGTRAP &&
			   ptrace(PTRACE_PEEKUSER, pid, DEBUG_REGISTER(6), NULL) & 2,
		   "so does that of a place where the guest did not fire it");
	ktap_check(!ptrace(PTRACE_CONT, pid, NULL, NULL) && waitpid(pid, &status, 0) == pid &&
			   status == 0,
		   "its guest ran as it should");
}

int main(void)
{
	/* None of the emulated CPUs has keys: that check is for real ones. */
	ktap_plan(2 + 3 + 1 + has_protection_keys() + 6);
	debug_registers(); /* before there is a guest here: its memory has one place */
	bare = bare_create();
	flags();
	segments();
	vectors();
	if (has_protection_keys())
		protection_keys();
	bare_destroy(bare);
	return ktap_exit_status();
}
