/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What both world switches do with registers, and offsets in struct dune_regs for
 * assembly: hardware encoding order, 8 bytes each.
 */
#ifndef DUNE_CORE_REGS_H
#define DUNE_CORE_REGS_H

#define RAX 0
#define RCX 8
#define RDX 16
#define RBX 24
#define RBP 40
#define RSI 48
#define RDI 56
#define R8 64
#define R9 72
#define R10 80
#define R11 88
#define R12 96
#define R13 104
#define R14 112
#define R15 120

#ifdef __ASSEMBLY__

/* All but RAX, RBX, RDI and RSP from the struct at rdi; both backends load those last. */
.macro GUEST_REGS_LOAD
	mov RCX(%rdi), %rcx
	mov RDX(%rdi), %rdx
	mov RBP(%rdi), %rbp
	mov RSI(%rdi), %rsi
	mov R8(%rdi), %r8
	mov R9(%rdi), %r9
	mov R10(%rdi), %r10
	mov R11(%rdi), %r11
	mov R12(%rdi), %r12
	mov R13(%rdi), %r13
	mov R14(%rdi), %r14
	mov R15(%rdi), %r15
.endm

/* All but RAX and RSP to the struct at rax. */
.macro GUEST_REGS_SAVE
	mov %rcx, RCX(%rax)
	mov %rdx, RDX(%rax)
	mov %rbx, RBX(%rax)
	mov %rbp, RBP(%rax)
	mov %rsi, RSI(%rax)
	mov %rdi, RDI(%rax)
	mov %r8, R8(%rax)
	mov %r9, R9(%rax)
	mov %r10, R10(%rax)
	mov %r11, R11(%rax)
	mov %r12, R12(%rax)
	mov %r13, R13(%rax)
	mov %r14, R14(%rax)
	mov %r15, R15(%rax)
.endm

.macro HOST_REGS_PUSH
	push %rbp
	push %r15
	push %r14
	push %r13
	push %r12
	push %rbx
.endm

/* Nothing of the guest's stays in a register, but for RAX, for the host to speculate with. */
.macro HOST_REGS_POP
	xor %ecx, %ecx
	xor %edx, %edx
	xor %ebx, %ebx
	xor %ebp, %ebp
	xor %esi, %esi
	xor %edi, %edi
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	xor %r11d, %r11d
	xor %r12d, %r12d
	xor %r13d, %r13d
	xor %r14d, %r14d
	xor %r15d, %r15d
	pop %rbx
	pop %r12
	pop %r13
	pop %r14
	pop %r15
	pop %rbp
.endm

#endif

#endif
