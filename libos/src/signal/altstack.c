// SPDX-License-Identifier: MIT
/* The guest's alternate signal stack. Linux knows none: the host side has a stack of its own. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>

#include "../guest.h"
#include "../thread.h"
#include "signal.h"

#define AUTODISARM (1u << 31) /* SS_AUTODISARM */
#define STACK_MIN 2048 /* MINSIGSTKSZ */

bool altstack_holds(const struct signal_stack *stack, uint64_t rsp)
{
	/* One that is disarmed while in use is never "on" it. */
	return !((uint32_t)stack->flags & AUTODISARM) && rsp > stack->sp &&
	       rsp - stack->sp <= stack->size;
}

struct signal_stack altstack_get(const struct dune_thread *thread, uint64_t rsp)
{
	struct signal_stack stack = thread->altstack;

	if (!stack.size)
		stack.flags = SS_DISABLE;
	else if (altstack_holds(&stack, rsp))
		stack.flags |= SS_ONSTACK;
	return stack;
}

long altstack_set(struct dune_thread *thread, const struct signal_stack *stack, uint64_t rsp)
{
	uint32_t mode = (uint32_t)stack->flags & ~AUTODISARM;

	if (thread->altstack.size && altstack_holds(&thread->altstack, rsp))
		return -EPERM;
	if (mode != 0 && mode != SS_ONSTACK && mode != SS_DISABLE)
		return -EINVAL;
	if (mode == SS_DISABLE) {
		thread->altstack = (struct signal_stack){ 0 };
		return 0;
	}
	if (stack->size < STACK_MIN)
		return -ENOMEM;
	thread->altstack = (struct signal_stack){
		.sp = stack->sp,
		.flags = (int32_t)((uint32_t)stack->flags & AUTODISARM),
		.size = stack->size,
	};
	return 0;
}

long signal_altstack(struct dune_thread *thread)
{
	const struct dune_regs *regs = &thread->run->regs;
	struct signal_stack old = altstack_get(thread, regs->rsp), set;
	long ret = 0;

	if (regs->rdi && !guest_read(&set, regs->rdi, sizeof(set)))
		return -EFAULT;
	if (regs->rdi)
		ret = altstack_set(thread, &set, regs->rsp);
	if (!ret && regs->rsi && !guest_write(regs->rsi, &old, sizeof(old)))
		ret = -EFAULT;
	return ret;
}

void altstack_take(struct dune_thread *thread)
{
	const struct signal_stack none = { .flags = SS_DISABLE };
	struct signal_stack old;

	thread->altstack = (struct signal_stack){ 0 };
	if (raw_syscall3(SYS_sigaltstack, (long)&none, (long)&old, 0) == 0 &&
	    !(old.flags & SS_DISABLE))
		thread->altstack = old;
}

void altstack_give(struct dune_thread *thread)
{
	if (thread->altstack.size)
		raw_syscall3(SYS_sigaltstack, (long)&thread->altstack, 0, 0);
}
