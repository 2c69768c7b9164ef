/* SPDX-License-Identifier: MIT */
/* Assembly: general registers on the stack, in the order of struct dune_trap_frame. */
#ifndef DUNE_SRC_REGS_H
#define DUNE_SRC_REGS_H

#ifdef __ASSEMBLER__

/* All but rax, rcx and rdx, which go first. */
.macro PUSH_REST
	push %rbx
	push %rbp
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	push %r12
	push %r13
	push %r14
	push %r15
.endm

.macro POP_ALL
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rdi
	pop %rsi
	pop %rbp
	pop %rbx
	pop %rdx
	pop %rcx
	pop %rax
.endm

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

#endif
#endif
