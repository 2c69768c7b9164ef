/* SPDX-License-Identifier: MIT */
/*
 * Into ring 3 and out of it, for user.c. Between user_window and user_left some of
 * the state is one ring's and some the other's.
 */
#include "regs.h"
#include "thread.h"

#define MSR_FS_BASE 0xc0000100
#define GDT_DATA 0x00cf93000000ffff
#define GDT_IN_USER (THREAD_GDT + SELECTOR_IN_USER)

/* Of struct dune_user_state: registers as they are pushed, then what the CPU pushes. */
#define STATE_RDI 64
#define STATE_RAX 112
#define STATE_RIP 136
#define STATE_RFLAGS 152
#define STATE_RSP 160
#define STATE_BASES 176
#define USER_SYSCALL 1

	.section .note.GNU-stack, "", @progbits
	.text

/* FS and GS bases to and from two words. Clobber rax, rcx, rdx. */
.macro BASES_STORE offset, to
	cmpb $0, user_fsgsbase(%rip)
	je 8f
	rdfsbase %rax
	mov %rax, \offset(\to)
	rdgsbase %rax
	mov %rax, 8+\offset(\to)
	jmp 9f
8:	mov $MSR_FS_BASE, %ecx
	rdmsr
	mov %eax, \offset(\to)
	mov %edx, 4+\offset(\to)
	inc %ecx
	rdmsr
	mov %eax, 8+\offset(\to)
	mov %edx, 12+\offset(\to)
9:
.endm

.macro BASES_LOAD offset, from
	cmpb $0, user_fsgsbase(%rip)
	je 8f
	mov \offset(\from), %rax
	wrfsbase %rax
	mov 8+\offset(\from), %rax
	wrgsbase %rax
	jmp 9f
8:	mov $MSR_FS_BASE, %ecx
	mov \offset(\from), %eax
	mov 4+\offset(\from), %edx
	wrmsr
	inc %ecx
	mov 8+\offset(\from), %eax
	mov 12+\offset(\from), %edx
	wrmsr
9:
.endm

/* int user_enter(struct dune_thread *thread, struct dune_user_state *state): the reason. */
	.globl user_enter, user_window, user_entered, user_leave, user_restore, user_left
	.type user_enter, @function
user_enter:
	PUSH_CALLEE_SAVED
	pushf
	cli			/* until ring 3 runs, or user_left */
	push %rsi
	push %rdi
	BASES_STORE THREAD_OWN_BASES, %rdi
	mov %rsp, THREAD_USER_SP(%rdi)
user_window:
	mov $GDT_DATA, %rax
	mov %rax, GDT_IN_USER(%rdi)
	BASES_LOAD STATE_BASES, %rsi
	mov %rsi, %rsp		/* nothing pushes: exceptions have a stack of their own */
	POP_ALL
	add $16, %rsp
	iretq
user_entered:

/* SYSCALL from ring 3: rcx has its rip, r11 its flags, and all else is its own. */
	.globl user_syscall
user_syscall:
	swapgs			/* kernel_gs_base is the thread */
	mov %rsp, %gs:THREAD_USER_RSP
	mov %gs:THREAD_USER_SP, %rsp
	swapgs
	xchg %rax, 8(%rsp)	/* the state, for ring 3's rax */
	mov %r15, 0(%rax)
	mov %r14, 8(%rax)
	mov %r13, 16(%rax)
	mov %r12, 24(%rax)
	mov %r11, 32(%rax)
	mov %r10, 40(%rax)
	mov %r9, 48(%rax)
	mov %r8, 56(%rax)
	mov %rdi, STATE_RDI(%rax)
	mov %rsi, 72(%rax)
	mov %rbp, 80(%rax)
	mov %rbx, 88(%rax)
	mov %rdx, 96(%rax)
	mov %rcx, 104(%rax)
	mov %rcx, STATE_RIP(%rax)
	mov %r11, STATE_RFLAGS(%rax)
	mov %rax, %rsi
	pop %rdi
	pop %rax
	mov %rax, STATE_RAX(%rsi)
	mov THREAD_USER_RSP(%rdi), %rax
	mov %rax, STATE_RSP(%rsi)
	mov $USER_SYSCALL, %ebx

/* rdi: thread, rsi: state, ebx: reason, rsp: what user_enter saved below those two. */
user_leave:
	BASES_STORE STATE_BASES, %rsi
user_restore:
	BASES_LOAD THREAD_OWN_BASES, %rdi
	movq $0, GDT_IN_USER(%rdi)
user_left:
	popf
	cmpq $0, THREAD_DEFERRED(%rdi)
	je 1f
	mov $HYPERCALL_SIGNALS, %eax
	call hypercall
1:	mov %ebx, %eax
	POP_CALLEE_SAVED
	ret
