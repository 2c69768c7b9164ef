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
	HOST_REGS_PUSH
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
	GUEST_REGS_LOAD
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
	GUEST_REGS_SAVE
	pop %rcx
	mov %rcx, RAX(%rax)
	pop %rax

	/* The guest must not steer the host's returns or speculation. */
	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
			   X86_FEATURE_RSB_VMEXIT_LITE
	CLEAR_BRANCH_HISTORY_VMEXIT
	xor %eax, %eax
.Lout:
	HOST_REGS_POP
	RET
SYM_FUNC_END(vmx_vmenter)
