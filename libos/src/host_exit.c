// SPDX-License-Identifier: MIT
/* The host side's slow path: exits that are no plain system call, and calls that need care. */
#include <errno.h>
#include <signal.h>

#include "exec.h"
#include "guest.h"
#include "hidden.h"
#include "host_exit.h"
#include "monitor.h"
#include "self.h"
#include "signal/signal.h"
#include "text.h"
#include "thread.h"
#include "user.h"

#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004

/*
 * Calls that are not simply performed: they make or end threads, or act on
 * state of which the guest has its own. 1 at the call's number.
 */
unsigned char host_syscall_special[SYSCALLS_KNOWN] = {
	[SYS_clone] = 1,	[SYS_fork] = 1,	 [SYS_vfork] = 1,
	[SYS_exit_group] = 1,	[SYS_exit] = 1,		[SYS_clone3] = 1,
	[SYS_arch_prctl] = 1,	[SYS_rt_sigreturn] = 1,
	[SYS_rt_sigaction] = 1,	[SYS_sigaltstack] = 1,
	[SYS_execve] = 1,	[SYS_execveat] = 1,
	[SYS_close] = 1,	[SYS_close_range] = 1,
	[SYS_readlink] = 1,	[SYS_readlinkat] = 1,
	[SYS_dup2] = 1,		[SYS_dup3] = 1,		[SYS_dup] = 1,
	[SYS_fstat] = 1,	[SYS_newfstatat] = 1,	[SYS_statx] = 1,
	[SYS_rseq] = 1,
};

void host_watch_ring3(void)
{
	static const uint16_t calls[] = {
		SYS_mmap, SYS_mprotect, SYS_pkey_mprotect, SYS_munmap, SYS_mremap,
		SYS_madvise, SYS_remap_file_pages, SYS_shmat, SYS_prctl, SYS_lseek,
		SYS_rt_sigprocmask,
	};
	unsigned int i;

	for (i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		host_syscall_special[calls[i]] = 1;
}

void host_die(const char *text, size_t length)
{
	raw_syscall3(SYS_write, 2, (long)text, (long)length);
	for (;;)
		raw_syscall3(SYS_exit_group, 128 + SIGABRT, 0, 0);
}

/* The module refuses to run what it ran before: say with which errno. */
static _Noreturn void run_failed(long error)
{
	char text[100], *end = text;

	end = text_put(end, "dune: the vCPU cannot go on: DUNE_VCPU_RUN gives errno ");
	end = text_put(text_decimal(end, (uint64_t)error), "\n");
	host_die(text, (size_t)(end - text));
}

#define MADV_POPULATE_WRITE 23

/*
 * Whether Linux makes the address accessible by itself: a stack grows,
 * userfaultfd answers. What can be read may yet wait for a write, so that is
 * tried without writing.
 */
static bool linux_settles(const struct dune_fault *fault)
{
	if (!guest_readable(fault->hva & ~7ull, 8))
		return false;
	return !(fault->flags & DUNE_FAULT_WRITE) ||
	       raw_syscall3(SYS_madvise, (long)(fault->hva & ~4095ull), 4096,
			    MADV_POPULATE_WRITE) == 0;
}

/* Repeats of one access that a touch from ring 3 allows and the module refuses. */
#define REPEATS_MAX 1000

/* How often this very access came here in a row, this one not counted. */
static unsigned int fault_repeats(struct dune_thread *thread)
{
	const struct dune_run *run = thread->run;

	if (thread->fault_hva == run->fault.hva && thread->fault_rip == run->regs.rip)
		return ++thread->repeats;
	thread->fault_hva = run->fault.hva;
	thread->fault_rip = run->regs.rip;
	return thread->repeats = 0;
}

/* The guest was handling an exception: its stack is no place for another one. */
static bool on_trap_stack(const struct dune_thread *thread)
{
	return !user_running(thread) && trap_in_flight((uint64_t)thread, &thread->run->regs);
}

/*
 * The host has nothing for the guest's access. First Linux may settle it, then
 * the program's page-fault handler; last, touching the address from here raises
 * the signal with everything that belongs to it.
 */
static long fault(struct dune_thread *thread)
{
	const struct dune_fault *fault = &thread->run->fault;
	char *address = (char *)fault->hva;
	unsigned int repeats;

	if (fault->flags & DUNE_FAULT_NO_SLOT)
		HOST_DIE("dune: a page table entry points outside all slots\n");
	repeats = fault_repeats(thread);
	/* It may be taken away again before the guest is there; to execute is not asked about. */
	if (repeats < (fault->flags & DUNE_FAULT_EXEC ? 1 : REPEATS_MAX) && linux_settles(fault))
		return 0;
	if (!(fault->flags & DUNE_FAULT_EVENT) && !on_trap_stack(thread) &&
	    trap_inject_host_fault(thread) == 0)
		return 0;
	if (repeats > REPEATS_MAX)
		HOST_DIE("dune: memory that Linux does not let a guest map\n");
	if (fault->flags & DUNE_FAULT_EXEC) {
		thread->signal_fault = (struct signal_fault){
			.signal = SIGSEGV,
			.trapno = DUNE_TRAP_PF,
			.error_code = DUNE_PF_USER | DUNE_PF_FETCH,
			.cr2 = fault->hva,
		};
		signal_force(thread, SIGSEGV,
			     guest_readable(fault->hva & ~7ull, 8) ? SEGV_ACCERR : SEGV_MAPERR,
			     fault->hva);
		return 0;
	}
	if (thread_fatal_note && !thread->deferred && !dune_process.quiet &&
	    dune_process.signals.actions[SIGSEGV - 1].handler == (uint64_t)SIG_DFL)
		thread_fatal_note(fault->hva);
	/* It repeats: one that waits goes first, and all must be unblocked below. */
	__atomic_store_n(&thread->abandonable, true, __ATOMIC_SEQ_CST);
	if (thread->deferred)
		;
	else if (fault->flags & DUNE_FAULT_WRITE)
		asm volatile("lock orb $0, (%0)" ::"r"(address) : "memory");
	else
		asm volatile("movb (%0), %%al" ::"r"(address) : "rax", "memory");
	__atomic_store_n(&thread->abandonable, false, __ATOMIC_SEQ_CST);
	return 0;
}

/* FS and GS have a host and a guest value; the program knows only one. */
static long arch_prctl(struct dune_run *run)
{
	int code = (int)run->regs.rdi;
	long ret = 0;

	/* Also for the getters: it is Linux that finds a bad pointer. */
	ret = raw_syscall3(SYS_arch_prctl, code, (long)run->regs.rsi, 0);
	if (!ret && code == ARCH_GET_FS)
		*(uint64_t *)run->regs.rsi = run->sregs.fs_base;
	if (!ret && code == ARCH_GET_GS)
		*(uint64_t *)run->regs.rsi = run->sregs.gs_base;
	if (!ret && code == ARCH_SET_FS)
		run->sregs.fs_base = run->regs.rsi;
	if (!ret && code == ARCH_SET_GS)
		run->sregs.gs_base = run->regs.rsi;
	if (!ret && (code == ARCH_SET_FS || code == ARCH_SET_GS))
		run->flags |= DUNE_RUN_SREGS;
	return ret;
}

long host_call_linux(const struct dune_regs *regs)
{
	return raw_syscall6((uint32_t)regs->rax, (long)regs->rdi, (long)regs->rsi, (long)regs->rdx,
			    (long)regs->r10, (long)regs->r8, (long)regs->r9);
}

/* Whether what the hypercall points at is a frame on a stack of the thread's block. */
static bool own_request(const struct dune_thread *thread)
{
	const struct dune_regs *regs = &thread->run->regs;

	switch ((uint32_t)regs->rax) {
	case HYPERCALL_TRAP:
	case HYPERCALL_IRET:
		return regs->rdi - (uint64_t)thread <= BLOCK_STRIDE - TRAP_FRAME_SIZE;
	default:
		return true;
	}
}

/* Returns what host_exit() returns. */
static long special_syscall(struct dune_thread *thread)
{
	struct dune_run *run = thread->run;

	/* libdune's own hypercalls: not by the program's SYSCALL, not about its memory. */
	if ((uint32_t)run->regs.rax >= SYSCALLS_KNOWN &&
	    (monitor_passes(&run->regs) || !own_request(thread))) {
		run->regs.rax = (uint64_t)-ENOSYS;
		return 0;
	}
	switch ((uint32_t)run->regs.rax) {
	case HYPERCALL_LEAVE:
		return 1;
	case SYS_clone:
	case SYS_fork:
	case SYS_vfork:
		return host_clone(thread);
	case SYS_exit:
		host_thread_exit(thread);
		return 0;
	case SYS_exit_group:
		host_exit_group(thread, (long)run->regs.rdi);
	case SYS_arch_prctl:
		host_sregs(thread);
		run->regs.rax = (uint64_t)arch_prctl(run);
		return 0;
	case HYPERCALL_TRAP:
		signal_trap(thread, (const struct dune_trap_frame *)run->regs.rdi, run->regs.rsi);
		return 0;
	case HYPERCALL_IRET:
		signal_iret(thread, (const struct dune_trap_frame *)run->regs.rdi);
		return 0;
	case HYPERCALL_SIGNALS:
		return 0;
	case SYS_rt_sigaction:
		run->regs.rax = (uint64_t)signal_sigaction(thread);
		return 0;
	case SYS_sigaltstack:
		run->regs.rax = (uint64_t)signal_altstack(thread);
		return 0;
	case SYS_rt_sigprocmask:
		run->regs.rax = (uint64_t)signal_procmask(thread);
		return 0;
	case SYS_execve:
	case SYS_execveat:
		run->regs.rax = (uint64_t)exec_program(thread);
		return 0;
	case SYS_close:
	case SYS_close_range:
	case SYS_dup:
	case SYS_dup2:
	case SYS_dup3:
	case SYS_lseek:
	case SYS_fstat:
	case SYS_newfstatat:
	case SYS_statx:
		run->regs.rax = (uint64_t)hidden_syscall(thread);
		return 0;
	case SYS_readlink:
	case SYS_readlinkat:
		run->regs.rax = (uint64_t)self_readlink(thread);
		return 0;
	case SYS_rt_sigreturn:
		signal_return(thread);
		return 0;
	case SYS_rseq:
		/* Without it from the first: what Linux would restart is not there to be seen. */
		run->regs.rax = (uint64_t)(dune_process.whole ? -ENOSYS :
								host_call_linux(&run->regs));
		return 0;
	case SYS_mmap:
	case SYS_mprotect:
	case SYS_pkey_mprotect:
	case SYS_munmap:
	case SYS_mremap:
	case SYS_madvise:
	case SYS_remap_file_pages:
	case SYS_shmat:
	case SYS_prctl:
		run->regs.rax = (uint64_t)monitor_memory_syscall(&run->regs);
		return 0;
	default:
		/* clone3: libc falls back to clone. */
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
	if (run_result == -ENOMEM && thread->repeats++ < REPEATS_MAX) {
		raw_syscall3(SYS_sched_yield, 0, 0, 0); /* memory may come back */
		return 0;
	}
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
