/* SPDX-License-Identifier: MIT */
/*
 * Crossing into Dune mode and back, and the host side's loop.
 *
 * A thread in Dune mode has two lives: the guest, on the program's own stack,
 * and the host side, in ring 3 on a small stack of its own, which runs the vCPU
 * and performs the system calls that the guest asks for. Vector registers are
 * the guest's throughout: nothing here may touch them.
 */
#include "regs.h"
#include "thread.h"

#define SYS_LSEEK 8
#define SYS_RT_SIGPROCMASK 14
#define SYS_RT_SIGRETURN 15
#define SYS_MADVISE 28
#define SYS_CLONE 56
#define SYS_EXIT 60
#define MADV_DONTNEED 4
#define SIG_SETMASK 2

	.section .note.GNU-stack, "", @progbits
	.text

/* Those that were put off are blocked no more, and come at its end. */
.macro LET_SIGNALS_IN
	movq $0, THREAD_DEFERRED(%rbx)
	mov $SYS_RT_SIGPROCMASK, %eax
	mov $SIG_SETMASK, %edi
	lea THREAD_DEFERRED_MASK(%rbx), %rsi
	xor %edx, %edx
	mov $8, %r10d
	syscall
.endm

/*
 * int enter_guest(struct dune_thread *thread)
 *
 * sregs are set. Returns 0 in ring 0 on the same stack, or -errno in ring 3 if
 * the first run fails.
 */
	.globl enter_guest
	.type enter_guest, @function
enter_guest:
	PUSH_CALLEE_SAVED
	mov %rdi, %rbx
	mov THREAD_RUN(%rbx), %r12
	mov %rsp, RUN_RSP(%r12)
	mov %rsp, THREAD_CALLER_SP(%rbx)
	lea guest_entry(%rip), %rax
	mov %rax, RUN_RIP(%r12)
	movq $0x202, RUN_RFLAGS(%r12)
	mov THREAD_HOST_SP(%rbx), %rsp
	jmp host_loop

/*
 * int start_guest(struct dune_thread *thread)
 *
 * As enter_guest(), but the guest begins where its registers say. Returns if the
 * first run fails.
 */
	.globl start_guest
	.type start_guest, @function
start_guest:
	PUSH_CALLEE_SAVED
	mov %rdi, %rbx
	mov THREAD_RUN(%rbx), %r12
	mov %rsp, THREAD_CALLER_SP(%rbx)
	mov THREAD_HOST_SP(%rbx), %rsp
	jmp host_loop

/* The guest's first instruction: the rest of enter_guest(), in ring 0. */
	.globl guest_entry
guest_entry:
	POP_CALLEE_SAVED
	xor %eax, %eax
	ret

/*
 * The host side. rbx: thread, r12: its run page. Between two labels the guest's
 * state is known wherever a signal interrupts: signal/deliver.c.
 */
	.globl host_loop, host_run_done, host_call, host_call_done, host_loop_end
host_loop:
	mov $SYS_LSEEK, %eax	/* the short way to DUNE_VCPU_RUN */
	mov THREAD_VCPU_FD(%rbx), %edi
	xor %esi, %esi
	xor %edx, %edx
	syscall
host_run_done:
	test %eax, %eax
	jnz special
	cmpl $DUNE_EXIT_SYSCALL_NR, RUN_EXIT_REASON(%r12)
	jne special
	mov RUN_RAX(%r12), %eax	/* Linux looks at no more than eax */
	cmp $SYSCALLS_KNOWN, %eax
	jae special_syscall
	lea host_syscall_special(%rip), %rcx
	cmpb $0, (%rcx, %rax)
	jne special_syscall
	mov RUN_RDI(%r12), %rdi
	mov RUN_RSI(%r12), %rsi
	mov RUN_RDX(%r12), %rdx
	mov RUN_R10(%r12), %r10
	mov RUN_R8(%r12), %r8
	mov RUN_R9(%r12), %r9
host_call:
	syscall
host_call_done:
	mov %rax, RUN_RAX(%r12)
	jmp host_loop
host_loop_end:

special_syscall:
	xor %eax, %eax
special:
	movslq %eax, %rsi
	mov %rbx, %rdi
	call host_exit
	/* 0: go on; 1: the guest wants to leave; -errno: the run cannot go on */
	test %rax, %rax
	mov THREAD_RUN(%rbx), %r12	/* a fork's child has another page */
	jz host_resume
	js entry_failed

	/* leave_guest() continues here in ring 3, on its own stack. */
	mov RUN_RSP(%r12), %rsp
	call let_signals_in
	jmp left_guest

entry_failed:
	mov THREAD_CALLER_SP(%rbx), %rsp
	mov %rax, %r12
	call let_signals_in
	mov %r12, %rax
	POP_CALLEE_SAVED
	ret

/* On the program's stack: those that were put off now come as in any process. */
let_signals_in:
	cmpq $0, THREAD_DEFERRED(%rbx)
	je 1f
	LET_SIGNALS_IN
1:	ret

/* Into the loop, and let signals in that were put off. */
	.globl host_unblock_done
host_resume:
	cmpq $0, THREAD_DEFERRED(%rbx)
	je host_loop
	LET_SIGNALS_IN
host_unblock_done:
	jmp host_loop

/* What Linux makes host_signal() return to. */
	.globl host_restorer
host_restorer:
	mov $SYS_RT_SIGRETURN, %eax
	syscall

/*
 * host_sigreturn(context): Linux loads the vector registers and the mask from the
 * context, which lies where its frame would, and goes on in the loop.
 */
	.globl host_sigreturn, host_sigreturn_done
	.type host_sigreturn, @function
host_sigreturn:
	mov %rdi, %rsp
	mov $SYS_RT_SIGRETURN, %eax
	syscall
host_sigreturn_done:
	ud2

/* int leave_guest(void) */
	.globl leave_guest
	.type leave_guest, @function
leave_guest:
	PUSH_CALLEE_SAVED
	call hypercall_leave
	/* Never reached in ring 0. */
left_guest:
	add $8, %rsp	/* the return address of hypercall_leave */
	POP_CALLEE_SAVED
	xor %eax, %eax
	ret

	.globl hypercall_leave, hypercall
	.type hypercall_leave, @function
hypercall_leave:
	mov $HYPERCALL_LEAVE, %eax
/* In: eax its number, rdi and rsi its arguments. */
hypercall:
	cmpb $0, hypercall_is_vmcall(%rip)
	jne 1f
	vmmcall
	ret
1:	vmcall
	ret

/* Signals that wait come now. */
	.globl hypercall_signals
	.type hypercall_signals, @function
hypercall_signals:
	mov $HYPERCALL_SIGNALS, %eax
	jmp hypercall

/* hypercall_trap(frame, cr2): does not return */
	.globl hypercall_trap
	.type hypercall_trap, @function
hypercall_trap:
	mov $HYPERCALL_TRAP, %eax
	call hypercall
	ud2

/*
 * long clone_thread(flags, stack, ptid, ctid, tls, struct dune_thread *child)
 *
 * clone() whose child becomes the host side of another vCPU.
 */
	.globl clone_thread
	.type clone_thread, @function
clone_thread:
	push %rbx
	mov %rcx, %r10	/* ctid is the kernel's fourth, tls its fifth argument */
	mov %r9, %rbx
	mov $SYS_CLONE, %eax
	syscall
	test %rax, %rax
	jz 1f
	pop %rbx
	ret
1:	mov THREAD_HOST_SP(%rbx), %rsp
	mov THREAD_RUN(%rbx), %r12
	xor %ebp, %ebp
	mov %rbx, %rdi
	call host_thread_begin
	jmp host_resume

/*
 * exit_off_stack(thread, status, word, bit): give the block back and end. From
 * the first call on there is no stack: another thread may own it at once.
 */
	.globl exit_off_stack
	.type exit_off_stack, @function
exit_off_stack:
	mov %rsi, %rbx
	mov %rdx, %r12
	mov %rcx, %r13
	mov $SYS_MADVISE, %eax
	mov $BLOCK_STRIDE, %esi
	mov $MADV_DONTNEED, %edx
	syscall
	lock btr %r13, (%r12)
	mov $SYS_EXIT, %eax
	mov %rbx, %rdi
	syscall
	ud2
