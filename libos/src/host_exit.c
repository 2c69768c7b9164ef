// SPDX-License-Identifier: MIT
/* The host side's slow path: exits that are no plain system call, and calls that need care. */
#include <errno.h>
#include <signal.h>

#include "host_exit.h"
#include "thread.h"

#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004

/*
 * Calls that are not simply performed: they make or end threads, or act on
 * state of which the guest has its own. 1 at the call's number.
 */
const unsigned char host_syscall_special[SYSCALLS_KNOWN] = {
	[SYS_clone] = 1,	[SYS_fork] = 1,	 [SYS_vfork] = 1,
	[SYS_exit] = 1,		[SYS_clone3] = 1,
	[SYS_arch_prctl] = 1,	[SYS_rt_sigreturn] = 1,
};

void host_die(const char *text, size_t length)
{
	raw_syscall3(SYS_write, 2, (long)text, (long)length);
	for (;;)
		raw_syscall3(SYS_exit_group, 128 + SIGABRT, 0, 0);
}

/* The module refuses to run what it ran before: say with which errno. */
static _Noreturn void run_failed(long error)
{
	char text[] = "dune: the vCPU cannot go on: DUNE_VCPU_RUN gives errno 000\n";
	char *digit = text + sizeof(text) - 3;

	for (; error; error /= 10)
		*digit-- = (char)('0' + error % 10);
	host_die(text, sizeof(text) - 1);
}

/* Send this thread the signal that the CPU would have raised at address. */
static void signal_queue(int signal, int code, uint64_t address)
{
	struct {
		int signo, error, code, pad;
		uint64_t address;
		char rest[104];
	} info;
	long pid = raw_syscall3(SYS_getpid, 0, 0, 0);
	long tid = raw_syscall3(SYS_gettid, 0, 0, 0);

	raw_zero(&info, sizeof(info));
	info.signo = signal;
	info.code = code;
	info.address = address;
	raw_syscall6(SYS_rt_tgsigqueueinfo, pid, tid, signal, (long)&info, 0, 0);
}

/*
 * The host has nothing for the guest's access. Touching the address here lets
 * Linux decide: a stack grows, userfaultfd answers, or a signal is raised with
 * everything that belongs to it.
 */
static long fault(struct dune_thread *thread)
{
	const struct dune_fault *fault = &thread->run->fault;
	char *address = (char *)fault->hva;

	if (fault->flags & DUNE_FAULT_NO_SLOT)
		HOST_DIE("dune: a page table entry points outside all slots\n");
	if (trap_inject_host_fault(thread) == 0)
		return 0;
	if (fault->flags & DUNE_FAULT_EXEC)
		signal_queue(SIGSEGV, SEGV_ACCERR, fault->hva);
	else if (fault->flags & DUNE_FAULT_WRITE)
		asm volatile("lock orb $0, (%0)" ::"r"(address) : "memory");
	else
		asm volatile("movb (%0), %%al" ::"r"(address) : "rax", "memory");
	return 0;
}

/* FS and GS have a host and a guest value; the program knows only one. */
static long arch_prctl(struct dune_run *run)
{
	long code = (long)run->regs.rdi;
	long ret = 0;

	switch (code) {
	case ARCH_GET_FS:
		*(uint64_t *)run->regs.rsi = run->sregs.fs_base;
		return 0;
	case ARCH_GET_GS:
		*(uint64_t *)run->regs.rsi = run->sregs.gs_base;
		return 0;
	default:
		ret = raw_syscall3(SYS_arch_prctl, code, (long)run->regs.rsi, 0);
	}
	if (!ret && code == ARCH_SET_FS)
		run->sregs.fs_base = run->regs.rsi;
	if (!ret && code == ARCH_SET_GS)
		run->sregs.gs_base = run->regs.rsi;
	if (!ret)
		run->flags |= DUNE_RUN_SREGS;
	return ret;
}

/* Returns what host_exit() returns. */
static long special_syscall(struct dune_thread *thread)
{
	struct dune_run *run = thread->run;

	switch (run->regs.rax) {
	case HYPERCALL_LEAVE:
		return 1;
	case SYS_clone:
	case SYS_fork:
	case SYS_vfork:
		return host_clone(thread);
	case SYS_exit:
		host_thread_exit(thread);
	case SYS_arch_prctl:
		host_sregs(thread);
		run->regs.rax = (uint64_t)arch_prctl(run);
		return 0;
	default:
		/* clone3: libc falls back to clone. rt_sigreturn: no frame of ours. */
		run->regs.rax = (uint64_t)-ENOSYS;
		return 0;
	}
}

/*
 * run_result: what DUNE_VCPU_RUN returned. Returns 0 to run again, 1 to leave
 * Dune mode, -errno if the vCPU never ran.
 */
long host_exit(struct dune_thread *thread, long run_result)
{
	struct dune_run *run = thread->run;

	if (run_result == -EINTR)
		return 0;
	if (run_result < 0 && run->exit_reason == DUNE_EXIT_NONE)
		return run_result;
	if (run_result < 0)
		run_failed(-run_result);
	switch (run->exit_reason) {
	case DUNE_EXIT_SYSCALL:
		return special_syscall(thread);
	case DUNE_EXIT_FAULT:
		return fault(thread);
	case DUNE_EXIT_SHUTDOWN:
		HOST_DIE("dune: triple fault in ring 0\n");
	case DUNE_EXIT_UNKNOWN:
		HOST_DIE("dune: an exit that nobody handles\n");
	default:
		return 0;
	}
}
