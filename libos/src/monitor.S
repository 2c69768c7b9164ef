/* SPDX-License-Identifier: MIT */
/*
 * SYSCALL of a program in ring 3: rcx has its rip, r11 its flags. The rest is as
 * the program has it at the hypercall, so that host side and signals find it as
 * they do a program's in ring 0.
 */
#include "regs.h"
#include "thread.h"
#include "xsave.h"

#define USER_CS 0x33
#define USER_SS 0x2b
#define CALL_PENDING 256	/* in the frame's place for a vector */
#define CALL_ANSWERED 257
#define FRAME_VECTOR 120

	.section .note.GNU-stack, "", @progbits
	.text

	.globl monitor_entry_svm, monitor_entry_vmx, monitor_return_svm, monitor_return_vmx
	.globl monitor_hook, monitor_hooked
monitor_entry_svm:
	cmpb $0, syscall_watch(%rip)
	jne monitor_hook
monitor_call_svm:
	vmmcall
monitor_return_svm:
	sysretq
monitor_entry_vmx:
	cmpb $0, syscall_watch(%rip)
	jne monitor_hook
monitor_call_vmx:
	vmcall
monitor_return_vmx:
	sysretq

/* A frame like an exception's, always at the top of the thread's stack for hooks. */
monitor_hook:
	swapgs			/* kernel_gs_base is the thread */
	mov %rsp, %gs:THREAD_USER_RSP
	mov %gs:THREAD_HOOK_SP, %rsp
	pushq $USER_SS
	pushq %gs:THREAD_USER_RSP
	swapgs
monitor_hooked:
	push %r11
	pushq $USER_CS
	push %rcx
	pushq $0
	pushq $CALL_PENDING
	push %rax
	push %rcx
	push %rdx
	PUSH_REST
	mov %rsp, %rbp
	mov %rsp, %r12
	and $-BLOCK_STRIDE, %r12
	mov %rbp, %rdi
	XSAVE_PUSH
	mov %rsp, %rbx
	call monitor_dispatch	/* leaves rsp as it is: 64-byte aligned */
	mov %rbx, %rsp
	XSAVE_LOAD

/* rbp: the frame, r12: the thread. Signals that wait go first. */
	.globl monitor_check, monitor_again, monitor_iret
monitor_check:
	cmpq $0, THREAD_DEFERRED(%r12)
	jne monitor_wait
	mov %rbp, %rsp
	cmpq $CALL_ANSWERED, FRAME_VECTOR(%rbp)
	POP_ALL
	lea 16(%rsp), %rsp
	je monitor_iret
	pop %rcx
	lea 8(%rsp), %rsp
	pop %r11
	pop %rsp
monitor_again:
	cmpb $0, hypercall_is_vmcall(%rip)
	je monitor_call_svm
	jmp monitor_call_vmx
monitor_iret:
	iretq

monitor_wait:
	mov %rbp, %rdi
	call monitor_give_up
	mov %rbp, %rdi
	mov $HYPERCALL_IRET, %eax
	call hypercall
	ud2
