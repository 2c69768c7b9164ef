/* SPDX-License-Identifier: GPL-2.0 */
/* The world switch: load the guest, VMLAUNCH or VMRESUME, save the guest. */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/nospec-branch.h>
#include <asm/unwind_hints.h>

#include "core/regs.h"

#define HOST_RSP_FIELD 0x6c14

/* Buffers of the CPU that a guest could sample (MDS and its kin). */
.macro CLEAR_FOR_GUEST
	CLEAR_CPU_BUFFERS
#ifdef VM_CLEAR_CPU_BUFFERS
	VM_CLEAR_CPU_BUFFERS
#endif
.endm

/*
 * bool vmx_vmenter(struct dune_regs *regs, u64 *host_rsp, bool launched)
 *
 * Interrupts are off throughout. RSP, RIP and RFLAGS are the VMCS's; the exit
 * loads the host's segments and MSRs, so it may use them at once.
 */
SYM_FUNC_START(vmx_vmenter)
	push %rbp
	push %r15
	push %r14
	push %r13
	push %r12
	push %rbx
	push %rdi		/* regs */

	/* The exit comes back with the stack as it is here. */
	UNWIND_HINT_SAVE

	/* The stack is mostly where it was the last time. */
	cmp %rsp, (%rsi)
	je .Lstack_known
	mov %rsp, (%rsi)
	mov $HOST_RSP_FIELD, %eax
	vmwrite %rsp, %rax
.Lstack_known:
	mov %edx, %ebx		/* launched */
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
	mov RAX(%rdi), %rax
	test %bl, %bl
	mov RBX(%rdi), %rbx
	mov RDI(%rdi), %rdi
	jz .Llaunch
	CLEAR_FOR_GUEST
	vmresume
	jmp .Lrefused
.Llaunch:
	CLEAR_FOR_GUEST
	vmlaunch

	/* Only a refusal comes here: the host's registers are the guest's. */
.Lrefused:
	pop %rdi
	mov $1, %eax
	jmp .Lout

	/* The CPU continues here after an exit, RSP the host's. */
SYM_INNER_LABEL(vmx_vmexit, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ANNOTATE_NOENDBR
	push %rax
	mov 8(%rsp), %rax	/* regs */
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
	pop %rcx
	mov %rcx, RAX(%rax)
	pop %rax

	/* The guest must not steer the host's returns or speculation. */
	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
			   X86_FEATURE_RSB_VMEXIT_LITE
	CLEAR_BRANCH_HISTORY_VMEXIT
	xor %eax, %eax
.Lout:
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
SYM_FUNC_END(vmx_vmenter)
