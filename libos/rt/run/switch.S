/* SPDX-License-Identifier: MIT */
/*
 * From one thread to another, by a call: what a call may destroy is not kept.
 * A thread that was interrupted is inside its handler, which has kept the rest.
 */
#include "../../src/thread.h"
#include "runtime.h"

#define EPERM 1

	.section .note.GNU-stack, "", @progbits
	.text

/*
 * void rt_switch(struct rt_thread *from, struct rt_thread *to)
 *
 * Interrupts are off. Control words of x87 and MXCSR belong to the callee-saved state. On a
 * stack that was left there are five registers and where to go on, which takes rbx from there.
 */
	.macro SAVE thread
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	stmxcsr THREAD_MXCSR(%\thread)
	fnstcw THREAD_FCW(%\thread)
	mov %rsp, THREAD_SP(%\thread)
	.endm

/* Others may go on with the thread before: until there is a new stack, none is used. */
	.macro GO_ON thread
8:	cmpl $0, THREAD_LEAVING(%\thread)
	jne 9f
	mov THREAD_SP(%\thread), %rsp
	ldmxcsr THREAD_MXCSR(%\thread)
	fldcw THREAD_FCW(%\thread)
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	ret
9:	pause	/* another core is about to save it, and waits for nobody before it has */
	jmp 8b
	.endm

	.globl rt_switch
	.type rt_switch, @function
	.balign 64
rt_switch:
	push %rbx
	call 1f
	pop %rbx
	ret
1:	SAVE rdi
	/* Before the wait: two cores that take each other's thread would wait for ever. */
	movl $0, THREAD_LEAVING(%rdi)
	GO_ON rsi

/*
 * int dune_rt_yield(void)
 *
 * Nearly always it is only this: no critical section, no alarm, and a policy that wants no more
 * than rotate(). The rest goes the long way, in C. Who is idle is told nothing: as many are
 * ready as before, for the same cores, who know of those. All is saved before another core
 * can pick the thread.
 */
	.globl dune_rt_yield, rt_yield_policy, rt_yield_policy_end
	.type dune_rt_yield, @function
	.balign 64
dune_rt_yield:
	mov rt_core_self@gottpoff(%rip), %rcx
	cmpq $0, %fs:(%rcx)	/* whether it is a core: that stays; which one may change */
	je 4f
	pushf
	pop %rdi
	push %rbx
	cli
	mov %fs:(%rcx), %rbx
	test $RFLAGS_IF, %edi
	jz 3f
	cmpq $0, CORE_SLOW(%rbx)
	jne 3f
	call 1f
	pop %rbx
	sti
	xor %eax, %eax
	ret

1:	mov CORE_CURRENT(%rbx), %rdx
	SAVE rdx
	mov CORE_COUNTERS(%rbx), %rcx
	incq COUNTERS_DISPATCHES(%rcx)	/* which makes it a yield, too: count.c */
rt_yield_policy:
	mov $1, %eax
	lock xadd %eax, rt+RUNTIME_LOCK(%rip)
2:	cmp %eax, rt+RUNTIME_LOCK+4(%rip)
	jne 5f
	mov rt+RUNTIME_STATE(%rip), %rdi
	mov CORE_INDEX(%rbx), %esi
	movl $STATE_READY, THREAD_STATE(%rdx)
	call *rt+RUNTIME_ROTATE(%rip)	/* which needs no aligned stack: no vector registers */
	movl $STATE_RUNNING, THREAD_STATE(%rax)
	mov %rax, CORE_CURRENT(%rbx)
	incl rt+RUNTIME_LOCK+4(%rip)
rt_yield_policy_end:
	GO_ON rax
5:	pause
	jmp 2b
3:	pop %rbx
	jmp rt_yield_slow
4:	mov $-EPERM, %eax
	ret

/* Where a new thread begins, with itself in r12. */
	.globl rt_thread_entry
rt_thread_entry:
	xor %ebp, %ebp
	mov %r12, %rdi
	call rt_thread_main
	ud2
