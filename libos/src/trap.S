/* SPDX-License-Identifier: MIT */
/*
 * Exception entry. The CPU arrives on the thread's trap stack. trap_entry()
 * settles what libdune settles itself and else moves the frame to the
 * interrupted stack, below its red zone, so that the trap stack is free for the
 * next exception while a handler of the program runs.
 */
#include "regs.h"
#include "thread.h"
#include "xsave.h"

#define RED_ZONE 128
#define PAGE_FAULT 14
#define PAGE_FAULT_PRESENT 1

	.section .note.GNU-stack, "", @progbits
	.text

	.globl trap_stubs
	.balign 16
trap_stubs:
	.set vector, 0
	.rept 256
	.balign 16
	/* Vectors for which the CPU pushes an error code. */
	.if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17
	.else
	push $0
	.endif
	push $vector
	jmp trap_common
	.set vector, vector + 1
	.endr
	.balign 16

/* The long way. */
trap_long:
	PUSH_REST
	cld
	mov %rsp, %rdi
	mov %rsp, %rbp
	mov %rsp, %r12
	and $-BLOCK_STRIDE, %r12	/* the thread: this is its trap stack */
	movb $1, THREAD_TRAPPING(%r12)
	and $-16, %rsp
	call trap_entry
	test %rax, %rax
	jz trap_check

	/* rax: the frame on the interrupted stack. Save vector registers below it. */
	mov %cr2, %r13
	mov %rax, %rbp
	mov %rax, %rsp
	movb $0, THREAD_TRAPPING(%r12)
	jmp trap_handle

/* Not on the stack of the last one, but perhaps on one that is known. */
trap_other:
	mov %rax, %rdx
	shr $SAFE_FOLD, %rdx
	add %rax, %rdx
	shr $(SAFE_PAGE - SAFE_SHIFT), %rdx
	and $((SAFE_RANGES - 1) << SAFE_SHIFT), %edx
	add %rcx, %rdx
	cmp THREAD_SAFE+SAFE_LOW(%rdx), %rax
	jb trap_long
	cmp THREAD_SAFE+SAFE_HIGH(%rdx), %rax
	ja trap_long
	mov THREAD_SAFE+SAFE_REGION(%rdx), %rcx
	mov (%rcx), %ecx
	cmp %ecx, THREAD_SAFE+SAFE_EDITS(%rdx)
	jne trap_long
	mov %rsp, %rcx
	and $-BLOCK_STRIDE, %rcx
	jmp trap_fits

/*
 * The short way is for exceptions of ring 0 that have a handler, on a stack that is
 * known to have room: their frame is pushed where it is to be. Of page faults
 * it is for those on pages that are there; what is missing may be libdune's own
 * business. The long one joins it at trap_handle.
 *
 * A signal may come from trap_moved on, and its handler fault: CR2 is read before.
 */
	.globl trap_moving, trap_moved
trap_common:
	push %rax
	push %rcx
	push %rdx
	mov 24(%rsp), %eax
	bt %eax, trap_short(%rip)
	jnc trap_long
	testb $3, 48(%rsp)
	jnz trap_long
	cmp $PAGE_FAULT, %eax
	jne 1f
	testb $PAGE_FAULT_PRESENT, 32(%rsp)
	jz trap_long
1:	mov %rsp, %rcx
	and $-BLOCK_STRIDE, %rcx
	cmpq $0, THREAD_GDT+SELECTOR_IN_USER(%rcx)
	jne trap_long
	mov 64(%rsp), %rax
	sub $(RED_ZONE + TRAP_FRAME_SIZE), %rax
	and $-64, %rax
	cmp THREAD_LAST+SAFE_LOW(%rcx), %rax
	jb trap_other
	cmp THREAD_LAST+SAFE_HIGH(%rcx), %rax
	ja trap_other
	mov THREAD_LAST+SAFE_REGION(%rcx), %rdx
	mov (%rdx), %edx
	cmp %edx, THREAD_LAST+SAFE_EDITS(%rcx)
	jne trap_long
trap_fits:
	mov %rsp, %rdx
	lea TRAP_FRAME_SIZE(%rax), %rsp
trap_moving:
	pushq 72(%rdx)
	pushq 64(%rdx)
	pushq 56(%rdx)
	pushq 48(%rdx)
	pushq 40(%rdx)
	pushq 32(%rdx)
	pushq 24(%rdx)
	pushq 16(%rdx)
	pushq 8(%rdx)
	pushq (%rdx)
	PUSH_REST
	mov %cr2, %r13
trap_moved:
	cld
	mov %rsp, %rbp
	mov %rcx, %r12
trap_handle:
	cmpq $0, THREAD_DEFERRED(%r12)
	je 1f
	mov $HYPERCALL_SIGNALS, %eax	/* a handler may never come back to the check below */
	call hypercall
1:	XSAVE_PUSH
	mov %rbp, %rdi
	mov %r13, %rsi
	call trap_dispatch
trap_load:
	XSAVE_LOAD

/* rbp: the frame, r12: the thread. Signals that waited for the trap stack go first. */
	.globl trap_check, trap_end
trap_check:
	cmpq $0, THREAD_DEFERRED(%r12)
	jne trap_wait
	movb $0, THREAD_TRAPPING(%r12)
	mov %rbp, %rsp
	POP_ALL
	add $16, %rsp	/* vector and error code */
	iretq
trap_end:

/* trap_resume(frame, thread): vector registers are below the frame. */
	.globl trap_resume
	.type trap_resume, @function
trap_resume:
	mov %rdi, %rbp
	mov %rsi, %r12
	mov trap_xsave_size(%rip), %eax
	mov %rbp, %rsp
	sub %rax, %rsp
	and $-64, %rsp
	jmp trap_load

trap_wait:
	mov %rbp, %rdi
	mov $HYPERCALL_IRET, %eax
	call hypercall
	ud2
