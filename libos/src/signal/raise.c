// SPDX-License-Identifier: MIT
/* Exceptions of the guest as the signals that Linux makes of them. */
#include <signal.h>
#include <stdbool.h>

#include "../monitor.h"
#include "../thread.h"
#include "../user.h"
#include "signal.h"

/* Vector: the signal, its si_code, whether si_addr is the instruction's. */
static const struct {
	uint8_t signal;
	bool at_rip;
	int code;
} exceptions[32] = {
	[0] = { SIGFPE, true, FPE_INTDIV },
	[1] = { SIGTRAP, true, TRAP_TRACE },
	[2] = { SIGABRT, false, SI_KERNEL },
	[3] = { SIGTRAP, false, SI_KERNEL },
	[4] = { SIGSEGV, false, SI_KERNEL },
	[5] = { SIGSEGV, false, SI_KERNEL },
	[6] = { SIGILL, true, ILL_ILLOPN },
	[7] = { SIGFPE, true, 0 },
	[8] = { SIGABRT, false, SI_KERNEL },
	[10] = { SIGSEGV, false, SI_KERNEL },
	[11] = { SIGBUS, false, SI_KERNEL },
	[12] = { SIGBUS, false, SI_KERNEL },
	[13] = { SIGSEGV, false, SI_KERNEL },
	[14] = { SIGSEGV, false, SEGV_MAPERR },
	[16] = { SIGFPE, true, 0 },
	[17] = { SIGBUS, false, BUS_ADRALN },
	[18] = { SIGABRT, false, SI_KERNEL },
	[19] = { SIGFPE, true, 0 },
};

#define USER_END (1ull << 47)

int signal_of_vector(unsigned int vector)
{
	return vector < 32 && exceptions[vector].signal ? exceptions[vector].signal : SIGSEGV;
}

void signal_force(struct dune_thread *thread, int signal, int code, uint64_t address)
{
	struct signal_info info = { .signo = signal, .code = code, .address = address };
	struct signal_action action = signal_action_get(thread->signals, signal);
	uint64_t bit = 1ull << (signal - 1);

	signal_defer(thread);
	/* A fault cannot be blocked or ignored: nor must the signal that stands for one. */
	if (action.handler == (uint64_t)SIG_IGN || thread->deferred_mask & bit)
		signal_action_default(thread->signals, signal, false);
	thread->deferred_mask &= ~bit;
	raw_syscall6(SYS_rt_tgsigqueueinfo, raw_syscall3(SYS_getpid, 0, 0, 0),
		     raw_syscall3(SYS_gettid, 0, 0, 0), signal, (long)&info, 0, 0);
}

/* Which of the unmasked conditions it was, as Linux picks (arch/x86/kernel/fpu/core.c). */
static int fpe_code(unsigned int vector)
{
	unsigned int pending;
	uint16_t status, control;
	uint32_t mxcsr;

	if (vector == 16) {
		asm volatile("fnstsw %0" : "=m"(status));
		asm volatile("fnstcw %0" : "=m"(control));
		pending = status & ~(unsigned int)control;
	} else {
		asm volatile("stmxcsr %0" : "=m"(mxcsr));
		pending = ~(mxcsr >> 7) & mxcsr;
	}
	if (pending & 1)
		return FPE_FLTINV;
	if (pending & 4)
		return FPE_FLTDIV;
	if (pending & 8)
		return FPE_FLTOVF;
	if (pending & 0x12)
		return FPE_FLTUND;
	if (pending & 0x20)
		return FPE_FLTRES;
	return 0;
}

void signal_regs_of_frame(struct dune_regs *to, const struct dune_trap_frame *from)
{
	*to = (struct dune_regs){
		.rax = from->rax, .rcx = from->rcx, .rdx = from->rdx, .rbx = from->rbx,
		.rsp = from->rsp, .rbp = from->rbp, .rsi = from->rsi, .rdi = from->rdi,
		.r8 = from->r8, .r9 = from->r9, .r10 = from->r10, .r11 = from->r11,
		.r12 = from->r12, .r13 = from->r13, .r14 = from->r14, .r15 = from->r15,
		.rip = from->rip, .rflags = from->rflags,
	};
}

void signal_iret(struct dune_thread *thread, const struct dune_trap_frame *frame)
{
	thread->trapping = false;
	if (frame->cs & 3 && !monitor_on()) {
		user_iret(thread, frame);
		return;
	}
	signal_regs_of_frame(&thread->run->regs, frame);
	if (frame->cs & 3)
		monitor_to_ring3(thread);
}

void signal_trap(struct dune_thread *thread, const struct dune_trap_frame *frame, uint64_t cr2)
{
	/* INT n is a general protection fault elsewhere. */
	unsigned int vector = frame->vector < 32 ? (unsigned int)frame->vector : DUNE_TRAP_GP;
	int signal = signal_of_vector(vector);
	int code = exceptions[vector].signal ? exceptions[vector].code : SI_KERNEL;
	uint64_t address = exceptions[vector].at_rip ? frame->rip : 0;

	if (vector == 14) {
		address = cr2;
		/* Below, the page tables map all: a program that hides a page protects it. */
		code = cr2 >= USER_END ? SEGV_MAPERR : SEGV_ACCERR;
	}
	if (vector == 16 || vector == 19)
		code = fpe_code(vector);
	signal_iret(thread, frame);
	thread->signal_fault = (struct signal_fault){
		.signal = signal,
		.trapno = vector,
		.error_code = frame->error_code | (vector == 14 ? DUNE_PF_USER : 0),
		.cr2 = cr2,
	};
	signal_force(thread, signal, code, address);
}
