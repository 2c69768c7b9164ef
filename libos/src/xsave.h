/* SPDX-License-Identifier: MIT */
/* Assembly: vector registers saved below the stack pointer and loaded from there again. */
#ifndef DUNE_SRC_XSAVE_H
#define DUNE_SRC_XSAVE_H

#ifdef __ASSEMBLER__

/* Moves rsp down to the image; clobbers rax, rcx, rdx. Of the header, XRSTOR looks at 24 bytes. */
.macro XSAVE_PUSH
	mov trap_xsave_size(%rip), %ecx
	sub %rcx, %rsp
	and $-64, %rsp
	xor %eax, %eax
	.set header, 512
	.rept 3
	mov %rax, header(%rsp)
	.set header, header + 8
	.endr
	mov $-1, %eax
	mov $-1, %edx
	xsave64 (%rsp)
.endm

/* rsp is at the image and stays there; clobbers rax, rdx. */
.macro XSAVE_LOAD
	mov $-1, %eax
	mov $-1, %edx
	xrstor64 (%rsp)
.endm

#endif
#endif
