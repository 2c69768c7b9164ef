/* SPDX-License-Identifier: MIT */
/*
 * Where the guest's SYSCALL goes: rcx has the return address, r11 the flags,
 * which SFMASK 0 leaves as they are. The result comes back in rax. Whatever way
 * the call takes, at the hypercall rcx is the address behind a two-byte
 * instruction that makes the same call: signal/deliver.c restarts it there.
 */
#include "thread.h"
#include "xsave.h"

#define SYS_GETPID 39

	.section .note.GNU-stack, "", @progbits
	.text

/* How far struct dune_syscall is from what is pushed below it. */
#define CALL_NR 0
#define CALL_ARGS 8
#define CALL_RESULT 56
#define CALL_RIP 64
#define CALL_SIZE 80
#define RED_ZONE 128

.macro SYSCALL_ENTRY hypercall
	cmpb $0, syscall_watch(%rip)
	jne 2f
3:	cmp $SYS_GETPID, %eax
	je getpid_here
1:	\hypercall
	jmp *%rcx
2:	verr in_user(%rip)	/* no register is free to ask with */
	jz user_syscall
	test $RFLAGS_IF, %r11d	/* SFMASK may have cleared it, for ring 3 */
	jz 4f
	sti
4:	testb $SYSCALL_HOOKED, syscall_watch(%rip)
	jz 3b
	call_hook 1b
.endm

	.section .rodata
in_user:
	.word SELECTOR_IN_USER
	.text

/* Ask the hook; then make the call at the label given, or go back with the answer. */
.macro call_hook forward
	lea -RED_ZONE(%rsp), %rsp
	push %r11
	push %rbp
	push %rbx
	lea 3*8+RED_ZONE(%rsp), %r11
	push %r11
	push %rcx
	push $0		/* result */
	push %r9
	push %r8
	push %r10
	push %rdx
	push %rsi
	push %rdi
	mov %eax, %eax	/* Linux looks at no more */
	push %rax
	mov %rsp, %rbp
	mov %rsp, %rdi
	XSAVE_PUSH
	mov %rsp, %rbx
	cld
	call syscall_dispatch	/* leaves rsp as it is: 64-byte aligned */
	mov %rbx, %rsp
	mov %eax, %ebx
	XSAVE_LOAD
	mov %rbp, %rsp
	test %ebx, %ebx
	pop %rax
	pop %rdi
	pop %rsi
	pop %rdx
	pop %r10
	pop %r8
	pop %r9
	jz 3f
	mov (%rsp), %rax	/* result */
3:	lea 8(%rsp), %rsp
	pop %rcx
	lea 8(%rsp), %rsp
	pop %rbx
	pop %rbp
	pop %r11
	lea RED_ZONE(%rsp), %rsp
	jz \forward
	jmp *%rcx
.endm

	.globl syscall_entry_svm, syscall_entry_end
syscall_entry_svm:
	SYSCALL_ENTRY vmmcall

	.globl syscall_entry_vmx
syscall_entry_vmx:
	SYSCALL_ENTRY vmcall

syscall_entry_end:

/* The limits of two descriptors of the thread's own GDT hold its process's number. */
getpid_here:
	mov $SELECTOR_PID_HIGH, %eax
	lsl %eax, %r11d
	mov $SELECTOR_PID_LOW, %eax
	lsl %eax, %eax
	shl $PID_LOW_BITS, %r11d
	or %r11d, %eax
	jmp *%rcx

/* long syscall_past_hooks(nr, args[6]) */
	.globl syscall_past_hooks
	.type syscall_past_hooks, @function
syscall_past_hooks:
	mov %rdi, %rax
	mov %rsi, %r11
	mov 0(%r11), %rdi
	mov 8(%r11), %rsi
	mov 16(%r11), %rdx
	mov 24(%r11), %r10
	mov 32(%r11), %r8
	mov 40(%r11), %r9
	lea 3f(%rip), %rcx
	cmpb $0, hypercall_is_vmcall(%rip)
	jne 2f
1:	vmmcall
	jmp *%rcx
2:	vmcall
	jmp *%rcx
	jmp 4f		/* two bytes */
3:	ret
4:	cmpb $0, hypercall_is_vmcall(%rip)
	je 1b
	jmp 2b
