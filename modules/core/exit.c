// SPDX-License-Identifier: GPL-2.0
/* What happens on each neutral exit: resume, refuse with an exception, or ask user space. */
#include <asm/trapnr.h>

#include "core/exit.h"
#include "core/trace.h"
#include "core/vcpu.h"

static int handle_resume(struct vcpu *vcpu)
{
	return RESUME_GUEST;
}

/* The guest asks for something that is the host's: a privileged instruction fails. */
static int handle_denied_gp(struct vcpu *vcpu)
{
	vcpu_queue_exception(vcpu, X86_TRAP_GP, 0);
	return RESUME_GUEST;
}

/* The instruction does not exist here. */
static int handle_denied_ud(struct vcpu *vcpu)
{
	vcpu_queue_exception(vcpu, X86_TRAP_UD, 0);
	return RESUME_GUEST;
}

/*
 * Intercepted only so that a guest whose handler raises the same exception
 * again cannot hold the CPU in microcode for ever: each round comes through the
 * run loop, where signals and the scheduler get their turn.
 */
static int handle_reflect(struct vcpu *vcpu)
{
	u8 vector = vcpu->exit.reason == VCPU_EXIT_DEBUG ? X86_TRAP_DB :
							   X86_TRAP_AC;

	vcpu_queue_exception(vcpu, vector, vcpu->exit.error_code);
	return RESUME_GUEST;
}

int handle_hypercall(struct vcpu *vcpu)
{
	/* Ring 3 code is there to be contained: for it, no such instruction. */
	if (vcpu->exit.cpl != 0)
		return handle_denied_ud(vcpu);
	vcpu_insn_skip(vcpu, backend->hypercall_length);
	if (unlikely(vcpu->regs.rax == DUNE_HYPERCALL_TIMER)) {
		vcpu->regs.rax = 0;
		vcpu->timer_work = true;
		return RESUME_GUEST;
	}
	trace_dune_syscall(vcpu->vm->id, &vcpu->regs);
	run_page_store(vcpu, DUNE_EXIT_SYSCALL);
	return RETURN_TO_USER;
}

/* vcpu_interrupts_take() does the rest. */
static int handle_window(struct vcpu *vcpu)
{
	return RESUME_GUEST;
}

/* So does vcpu_timer_look(). */
static int handle_timer(struct vcpu *vcpu)
{
	return RESUME_GUEST;
}

static int handle_shutdown(struct vcpu *vcpu)
{
	vcpu->dead = true;
	run_page_store(vcpu, DUNE_EXIT_SHUTDOWN);
	return RETURN_TO_USER;
}

static int handle_entry_failed(struct vcpu *vcpu)
{
	/*
	 * run_page_load() lets no such state in and no CPU lets a guest make it,
	 * but emulators do. The counter shows it; a guest writes no log lines.
	 */
	vcpu->dead = true;
	return -EINVAL;
}

static int handle_unknown(struct vcpu *vcpu)
{
	run_page_store(vcpu, DUNE_EXIT_UNKNOWN);
	return RETURN_TO_USER;
}

int (*const exit_handlers[VCPU_EXIT_COUNT])(struct vcpu *vcpu) = {
#define HANDLER(name, handler, doc) [VCPU_EXIT_##name] = handle_##handler,
	VCPU_EXIT_LIST(HANDLER)
#undef HANDLER
};

const char *const vcpu_exit_names[VCPU_EXIT_COUNT] = {
#define NAME(name, handler, doc) [VCPU_EXIT_##name] = #name,
	VCPU_EXIT_LIST(NAME)
#undef NAME
};
