/* SPDX-License-Identifier: GPL-2.0 */
/* The world switch: load the guest, VMRUN, save the guest, load the host. */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/nospec-branch.h>

#include "core/regs.h"

/*
 * As many entries of the predictor of returns as the kernel's FILL_RETURN_BUFFER makes, in place of
 * all that the guest may have made; without its loop, whose counting is half of its instructions.
 */
.macro RETURNS_FILL
	.rept RSB_CLEAR_LOOPS
	__FILL_RETURN_SLOT
	.endr
	add $(BITS_PER_LONG / 8 * RSB_CLEAR_LOOPS), %rsp
	lfence
.endm

/*
 * void svm_vmrun(u64 vmcb_pa, struct dune_regs *regs, u64 host_vmcb_pa)
 *
 * Called with GIF clear and interrupts off; returns the same way. Between
 * VMLOAD of the guest and VMLOAD of the host, GS is the guest's: nothing that
 * needs per-CPU data may run, and with GIF clear nothing does.
 */
SYM_FUNC_START(svm_vmrun)
	HOST_REGS_PUSH
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
	GUEST_REGS_LOAD
	mov RBX(%rdi), %rbx
	mov RDI(%rdi), %rdi
#ifdef CONFIG_MITIGATION_TSA
	VM_CLEAR_CPU_BUFFERS
#endif

	vmrun %rax
	cli

	/* RAX is the VMCB again, RSP the host's, all else the guest's. */
	vmsave %rax

	pop %rax		/* regs */
	GUEST_REGS_SAVE

	pop %rax		/* host_vmcb_pa */
	vmload %rax

	/* The guest must not steer the host's returns or speculation. */
	ALTERNATIVE "jmp .Lreturns_filled", "", X86_FEATURE_RETPOLINE
	RETURNS_FILL
.Lreturns_filled:
	UNTRAIN_RET
#ifdef X86_FEATURE_IBPB_ON_VMEXIT
	ALTERNATIVE "", "call entry_ibpb", X86_FEATURE_IBPB_ON_VMEXIT
#endif
	HOST_REGS_POP
	RET
SYM_FUNC_END(svm_vmrun)
