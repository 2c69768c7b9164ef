/* SPDX-License-Identifier: GPL-2.0 */
/* The world switch: load the guest, VMRUN, save the guest, load the host. */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/nospec-branch.h>

#include "core/regs.h"

/*
 * void svm_vmrun(u64 vmcb_pa, struct dune_regs *regs, u64 host_vmcb_pa)
 *
 * Called with GIF clear and interrupts off; returns the same way. Between
 * VMLOAD of the guest and VMLOAD of the host, GS is the guest's: nothing that
 * needs per-CPU data may run, and with GIF clear nothing does.
 */
SYM_FUNC_START(svm_vmrun)
	push %rbp
	push %r15
	push %r14
	push %r13
	push %r12
	push %rbx
	push %rdx		/* host_vmcb_pa */
	push %rsi		/* regs */

	/*
	 * Host IF set: a physical interrupt ends the guest, not waits for it.
	 * Not right before VMRUN, which takes the shadow of STI into the guest.
	 */
	sti
	mov %rdi, %rax
	vmload %rax

	mov %rsi, %rdi
	mov RCX(%rdi), %rcx
	mov RDX(%rdi), %rdx
	mov RBX(%rdi), %rbx
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
	mov RDI(%rdi), %rdi
#ifdef CONFIG_MITIGATION_TSA
	VM_CLEAR_CPU_BUFFERS
#endif

	vmrun %rax
	cli

	/* RAX is the VMCB again, RSP the host's, all else the guest's. */
	vmsave %rax

	pop %rax		/* regs */
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

	pop %rax		/* host_vmcb_pa */
	vmload %rax

	/* The guest must not steer the host's returns or speculation. */
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RETPOLINE
	UNTRAIN_RET
#ifdef X86_FEATURE_IBPB_ON_VMEXIT
	ALTERNATIVE "", "call entry_ibpb", X86_FEATURE_IBPB_ON_VMEXIT
#endif
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
	RET
SYM_FUNC_END(svm_vmrun)
