/* SPDX-License-Identifier: MIT */
/*
 * Crossing into Dune mode and back, and the host side's loop.
 *
 * A thread in Dune mode has two lives: the guest, on the program's own stack,
 * and the host side, in ring 3 on a small stack of its own, which runs the vCPU
 * and performs the system calls that the guest asks for. Vector registers are
 * the guest's throughout: nothing here may touch them.
 */
#include "thread.h"

#define SYS_LSEEK 8
#define SYS_MUNMAP 11
#define SYS_CLONE 56
#define SYS_EXIT 60

	.section .note.GNU-stack, "", @progbits
	.text

.macro PUSH_CALLEE_SAVED
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
.endm

.macro POP_CALLEE_SAVED
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
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
	lea guest_entry(%rip), %rax
	mov %rax, RUN_RIP(%r12)
	movq $0x202, RUN_RFLAGS(%r12)
	mov THREAD_HOST_SP(%rbx), %rsp
	jmp host_loop

/* The guest's first instruction: the rest of enter_guest(), in ring 0. */
	.globl guest_entry
guest_entry:
	POP_CALLEE_SAVED
	xor %eax, %eax
	ret

/*
 * The host side. rbx: thread, r12: its run page.
 */
host_loop:
	mov $SYS_LSEEK, %eax	/* the short way to DUNE_VCPU_RUN */
	mov THREAD_VCPU_FD(%rbx), %edi
	xor %esi, %esi
	xor %edx, %edx
	syscall
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
	syscall
	mov %rax, RUN_RAX(%r12)
	jmp host_loop

special_syscall:
	xor %eax, %eax
special:
	movslq %eax, %rsi
	mov %rbx, %rdi
	call host_exit
	/* 0: go on; 1: the guest wants to leave; -errno: the run cannot go on */
	test %rax, %rax
	mov THREAD_RUN(%rbx), %r12	/* a fork's child has another page */
	jz host_loop
	js entry_failed

	/* leave_guest() continues here in ring 3, on its own stack. */
	mov RUN_RSP(%r12), %rsp
	jmp left_guest

entry_failed:
	mov RUN_RSP(%r12), %rsp
	POP_CALLEE_SAVED
	ret

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

	.globl hypercall_leave
	.type hypercall_leave, @function
hypercall_leave:
	mov $HYPERCALL_LEAVE, %eax
	cmpb $0, hypercall_is_vmcall(%rip)
	jne 1f
	vmmcall
	ret
1:	vmcall
	ret

/*
 * Where the guest's SYSCALL goes: rcx has the return address, r11 the flags,
 * which SFMASK 0 leaves as they are. The result comes back in rax.
 */
	.globl syscall_entry_svm
syscall_entry_svm:
	vmmcall
	jmp *%rcx

	.globl syscall_entry_vmx
syscall_entry_vmx:
	vmcall
	jmp *%rcx

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
	jmp host_loop

/* unmap_and_exit(address, length, status): frees the stack it would run on */
	.globl unmap_and_exit
	.type unmap_and_exit, @function
unmap_and_exit:
	mov %rdx, %rbx
	mov $SYS_MUNMAP, %eax
	syscall
	mov $SYS_EXIT, %eax
	mov %rbx, %rdi
	syscall
	ud2
