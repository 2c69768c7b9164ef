/* SPDX-License-Identifier: MIT */
/*
 * From one thread to another, by a call: what a call may destroy is not kept.
 * A thread that was interrupted is inside its handler, which has kept the rest.
 */
#include "../../src/regs.h"
#include "../../src/thread.h"
#include "runtime.h"

#define EPERM 1

	.section .note.GNU-stack, "", @progbits
	.text

/*
 * void rt_switch(struct rt_thread *from, struct rt_thread *to)
 *
 * Interrupts are off. Control words of x87 and MXCSR belong to the callee-saved state.
 */
/* Interrupts are off, control words and callee-saved registers are pushed. */
	.macro SWITCH_STACKS from, to
	mov %rsp, THREAD_SP(%\from)
	/*
	 * Others may go on with it from here on. If that came after the wait below, two cores
	 * that take each other's thread would wait for ever. Until there is a new stack, none
	 * is used.
	 */
	movl $0, THREAD_ON(%\from)
8:	cmpl $0, THREAD_ON(%\to)
	jne 9f
	movl $1, THREAD_ON(%\to)
	mov THREAD_SP(%\to), %rsp
	ldmxcsr (%rsp)
	fldcw 4(%rsp)
	add $8, %rsp
	POP_CALLEE_SAVED
	ret
9:	pause	/* another core is about to leave it */
	jmp 8b
	.endm

	.globl rt_switch
	.type rt_switch, @function
	.balign 64
rt_switch:
	PUSH_CALLEE_SAVED
	sub $8, %rsp
	stmxcsr (%rsp)
	fnstcw 4(%rsp)
	SWITCH_STACKS rdi, rsi

/*
 * int dune_rt_yield(void)
 *
 * Nearly always it is only this: no critical section, no alarm, no idle core, and a policy
 * that wants no more than enqueue() and pick(). The rest goes the long way, in C.
 */
	.globl dune_rt_yield, rt_yield_policy, rt_yield_policy_end, rt_yield_end
	.type dune_rt_yield, @function
	.balign 64
dune_rt_yield:
	mov rt_core_self@gottpoff(%rip), %rcx
	mov %fs:(%rcx), %rax	/* whether it is a core: that stays */
	test %rax, %rax
	jz 3f
	pushf
	pop %rdi
	cli
	mov %fs:(%rcx), %rcx
	test $RFLAGS_IF, %edi
	jz 2f
	cmpq $0, CORE_SLOW(%rcx)
	jne 2f
	cmpq $0, rt+RUNTIME_IDLE(%rip)
	jne 2f
	call 1f
	sti
	xor %eax, %eax
	ret

1:	PUSH_CALLEE_SAVED
	sub $8, %rsp
	stmxcsr (%rsp)
	fnstcw 4(%rsp)
	mov %rcx, %rbx
	mov CORE_CURRENT(%rbx), %r12
	incq CORE_YIELDS(%rbx)
	mov CORE_COUNTERS(%rbx), %rdx
	incq COUNTERS_DISPATCHES(%rdx)
rt_yield_policy:
	mov $1, %eax
	lock xadd %eax, rt+RUNTIME_LOCK(%rip)
4:	cmp %eax, rt+RUNTIME_LOCK+4(%rip)
	jne 5f
	mov rt+RUNTIME_POLICY(%rip), %rbp
	mov rt+RUNTIME_STATE(%rip), %rdi
	xor %esi, %esi
	mov %r12, %rdx
	mov $WHY_YIELDED, %ecx
	xor %r8d, %r8d
	movl $STATE_READY, THREAD_STATE(%r12)
	call *POLICY_ENQUEUE(%rbp)	/* which needs no aligned stack: no vector registers */
	mov rt+RUNTIME_STATE(%rip), %rdi
	mov CORE_INDEX(%rbx), %esi
	xor %edx, %edx
	call *POLICY_PICK(%rbp)	/* there is at least the caller */
	movl $STATE_RUNNING, THREAD_STATE(%rax)
	incl rt+RUNTIME_LOCK+4(%rip)
rt_yield_policy_end:
	mov %rax, CORE_CURRENT(%rbx)
	SWITCH_STACKS r12, rax
5:	pause
	jmp 4b
2:	jmp rt_yield_slow
3:	mov $-EPERM, %eax
	ret
rt_yield_end:

/* Where a new thread begins, with itself in r12. */
	.globl rt_thread_entry
rt_thread_entry:
	xor %ebp, %ebp
	mov %r12, %rdi
	call rt_thread_main
	ud2
