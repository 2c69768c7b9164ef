// SPDX-License-Identifier: MIT
/* Ring 3 under ring 0: what assembly leaves to C. */
#include <errno.h>
#include <stddef.h>
#include <sys/auxv.h>

#include <dune/lifecycle.h>

#include "ring3.h"
#include "section.h"
#include "user.h"

#define USER_END (1ull << 47)
#define HWCAP2_FSGSBASE 2 /* the kernel allows WRFSBASE, and the module then does */
#define XSAVE_ALL "a"(~(1u << 9)), "d"(~0u) /* but PKRU: it guards ring 0, too */
#define MSR_SFMASK 0xc0000084u
#define RFLAGS_LEAVING RFLAGS_ALWAYS /* no interrupts before user_left */

/* user.S, and the labels of syscall.S and trap.S between which a signal waits. */
int user_enter(struct dune_thread *thread, struct dune_user_state *state);
extern const char user_window[], user_entered[], user_leave[], user_restore[], user_left[];
extern const char syscall_entry_svm[], syscall_entry_end[];
extern const char trap_check[], trap_end[];

bool user_fsgsbase;

_Static_assert(offsetof(struct dune_user_state, regs.rdi) == 64, "assembly");
_Static_assert(offsetof(struct dune_user_state, regs.rax) == 112, "assembly");
_Static_assert(offsetof(struct dune_user_state, regs.rip) == 136, "assembly");
_Static_assert(offsetof(struct dune_user_state, regs.rsp) == 160, "assembly");
_Static_assert(offsetof(struct dune_user_state, fs_base) == 176, "assembly");

/* What user_enter() saved first: the caller's flags. */
static uint64_t flags_of_caller(const struct dune_thread *thread)
{
	return thread->user_sp[2];
}

static struct dune_user_state *state_of(const struct dune_thread *thread)
{
	return (struct dune_user_state *)thread->user_sp[1];
}

/* The first time in this thread. */
static void prepare(struct dune_thread *thread)
{
	user_fsgsbase = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE;
	asm volatile("wrmsr" ::"c"(MSR_SFMASK), "a"(SYSCALL_CLEARS), "d"(0));
	thread->user_ready = true;
	__atomic_fetch_or(&syscall_watch, SYSCALL_RING3, __ATOMIC_SEQ_CST);
}

size_t dune_user_vectors_size(void)
{
	return trap_xsave_size;
}

/* With ring 3's vector registers, or the caller's; ring 0 finds an FPU as it had it. */
static int run_apart(struct dune_thread *thread, struct dune_user_state *state)
{
	uint16_t control;
	uint32_t mxcsr;
	int reason;

	asm volatile("fnstcw %0\n\tstmxcsr %1" : "=m"(control), "=m"(mxcsr));
	if (state->vectors)
		asm volatile("xrstor64 (%0)" ::"r"(state->vectors), XSAVE_ALL : "memory");
	reason = user_enter(thread, state);
	if (state->vectors)
		asm volatile("xsave64 (%0)" ::"r"(state->vectors), XSAVE_ALL : "memory");
	asm volatile("fninit\n\tfldcw %0\n\tldmxcsr %1" ::"m"(control), "m"(mxcsr));
	return reason;
}

int dune_user_run(struct dune_user_state *state)
{
	struct dune_thread *thread = thread_here(); /* of a vfork child, its own */

	if (!thread)
		return -EPERM;
	if (state->regs.rip >= USER_END || state->fs_base >= USER_END ||
	    state->gs_base >= USER_END || (uint64_t)state->vectors & 63)
		return -EINVAL;
	if (!thread->user_ready)
		prepare(thread);
	state->regs.rflags = flags_of_ring3(state->regs.rflags);
	state->regs.cs = SELECTOR_CODE3;
	state->regs.ss = SELECTOR_DATA3;
	return run_apart(thread, state);
}

static bool within(uint64_t rip, const char *from, const char *to)
{
	return rip >= (uint64_t)from && rip < (uint64_t)to;
}

/*
 * Ring 3 may point its rip or rsp anywhere, but executes nothing of these ranges:
 * there it faults, and leaves that way.
 */
bool user_is_whole(struct dune_thread *thread, struct dune_regs *regs)
{
	if (within(regs->rip, user_window, user_entered)) {
		/* Not there yet: back, before the signal that waits. */
		regs->rip = (uint64_t)user_restore;
		regs->rsp = (uint64_t)(thread->user_sp + 2);
		regs->rdi = (uint64_t)thread;
		regs->rbx = DUNE_USER_SIGNAL;
		return false;
	}
	return !within(regs->rip, user_entered, user_left) &&
	       !within(regs->rip, syscall_entry_svm, syscall_entry_end) &&
	       !within(regs->rip, trap_stubs, trap_end);
}

/* Ring 0, about to return from user_enter(). */
static void regs_leave(const struct dune_thread *thread, struct dune_regs *regs, const char *where,
		       enum dune_user_reason reason)
{
	*regs = (struct dune_regs){
		.rip = (uint64_t)where,
		.rsp = (uint64_t)(thread->user_sp + 2),
		.rflags = where == user_left ? flags_of_caller(thread) : RFLAGS_LEAVING,
		.rdi = (uint64_t)thread,
		.rsi = (uint64_t)state_of(thread),
		.rbx = reason,
	};
}

void user_interrupt(struct dune_thread *thread, struct dune_regs *regs)
{
	struct dune_user_state *state = state_of(thread);
	struct dune_sregs *sregs = &thread->run->sregs;

	host_sregs(thread);
	state->regs = (struct dune_trap_frame){
		.r15 = regs->r15, .r14 = regs->r14, .r13 = regs->r13, .r12 = regs->r12,
		.r11 = regs->r11, .r10 = regs->r10, .r9 = regs->r9, .r8 = regs->r8,
		.rdi = regs->rdi, .rsi = regs->rsi, .rbp = regs->rbp, .rbx = regs->rbx,
		.rdx = regs->rdx, .rcx = regs->rcx, .rax = regs->rax,
		.rip = regs->rip, .rflags = regs->rflags, .rsp = regs->rsp,
	};
	state->fs_base = sregs->fs_base;
	state->gs_base = sregs->gs_base;
	sregs->fs_base = thread->own_bases[0];
	sregs->gs_base = thread->own_bases[1];
	sregs->cs = SELECTOR_CODE;
	sregs->ss = SELECTOR_DATA;
	thread->run->flags |= DUNE_RUN_SREGS;
	thread->gdt[SELECTOR_IN_USER / 8] = 0;
	regs_leave(thread, regs, user_left, DUNE_USER_SIGNAL);
	thread->run->regs = *regs;
}

static void frame_to_state(struct dune_thread *thread, const struct dune_trap_frame *frame)
{
	raw_copy(&state_of(thread)->regs, frame, sizeof(*frame));
}

void user_trap(struct dune_thread *thread, struct dune_trap_frame *frame, uint64_t cr2)
{
	frame_to_state(thread, frame);
	state_of(thread)->fault_address = cr2;
	*frame = (struct dune_trap_frame){
		.rip = (uint64_t)user_leave,
		.cs = SELECTOR_CODE,
		.rflags = RFLAGS_LEAVING,
		.rsp = (uint64_t)(thread->user_sp + 2),
		.ss = SELECTOR_DATA,
		.rdi = (uint64_t)thread,
		.rsi = (uint64_t)state_of(thread),
		.rbx = DUNE_USER_TRAP,
	};
}

void user_iret(struct dune_thread *thread, const struct dune_trap_frame *frame)
{
	frame_to_state(thread, frame);
	regs_leave(thread, &thread->run->regs, user_leave, DUNE_USER_SIGNAL);
}
