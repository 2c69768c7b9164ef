// SPDX-License-Identifier: MIT
/*
 * Where a stopped thread's guest is. As for a signal (signal/deliver.c) the answer
 * depends on the host side's rip; but a call that Linux has interrupted looks as
 * it does to a debugger of any process: behind SYSCALL, Linux's errno in rax.
 */
#include <elf.h>
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "../user.h"
#include "gdb.h"

/* Labels in enter.S. */
extern const char host_loop[], host_run_done[], host_call[], host_call_done[], host_loop_end[];
extern const char host_unblock_done[], host_sigreturn_done[];
/* And in trap.S. */
extern const char trap_check[], trap_end[];

#define TF 0x100ull
#define RFLAGS_PLAIN 0x202

#define RUN_OFFSET(member) __builtin_offsetof(struct dune_run, member)

uint64_t view_here(const void *own)
{
	return (uint64_t)own + session.moved;
}

static bool within(uint64_t rip, const char *from, const char *to)
{
	return rip >= view_here(from) && rip < view_here(to);
}

/* Whether the host side's stack is that of a thread's block. */
static bool find_block(struct task *task)
{
	uint64_t at = (task->host.rsp - 1) & ~(uint64_t)(BLOCK_STRIDE - 1);
	uint64_t offset = task->host.rsp - at;

	task->block = 0;
	if (!session.dune || offset <= HOST_STACK_OFFSET || offset > HOST_STACK_TOP ||
	    memory_read(at, &task->thread, sizeof(task->thread)) != sizeof(task->thread) ||
	    (uint64_t)task->thread.host_sp != at + HOST_STACK_TOP - 64 ||
	    memory_read((uint64_t)task->thread.run, &task->run, sizeof(task->run)) !=
		    sizeof(task->run))
		return false;
	task->block = at;
	return true;
}

static void view_linux(struct task *task)
{
	const struct user_regs_struct *h = &task->host;

	task->view = (struct view){
		.regs = {
			.rax = h->rax, .rcx = h->rcx, .rdx = h->rdx, .rbx = h->rbx,
			.rsp = h->rsp, .rbp = h->rbp, .rsi = h->rsi, .rdi = h->rdi,
			.r8 = h->r8, .r9 = h->r9, .r10 = h->r10, .r11 = h->r11,
			.r12 = h->r12, .r13 = h->r13, .r14 = h->r14, .r15 = h->r15,
			.rip = h->rip, .rflags = h->eflags,
		},
		.orig_rax = h->orig_rax,
		.fs_base = h->fs_base,
		.gs_base = h->gs_base,
		.cs = (uint16_t)h->cs,
		.ss = (uint16_t)h->ss,
	};
}

bool view_in_libdune(const struct task *task)
{
	extern const char __ehdr_start[] __attribute__((weak, visibility("hidden"))), etext[];

	return task->block && within(task->view.regs.rip, __ehdr_start, etext);
}

static bool in_syscall_entry(const struct task *task)
{
	return task->block && within(task->view.regs.rip, syscall_entry_svm,
				     (const char *)syscall_past_hooks);
}

/* At the way back of SYSCALL, the guest may as well be there. */
static void finish_syscall(struct task *task)
{
	const unsigned char jmp_rcx[2] = { 0xff, 0xe1 };
	unsigned char code[2];

	if (in_syscall_entry(task) &&
	    memory_read(task->view.regs.rip, code, 2) == 2 &&
	    code[0] == jmp_rcx[0] && code[1] == jmp_rcx[1])
		task->view.regs.rip = task->view.regs.rcx;
}

bool view_on_trap_stack(const struct task *task)
{
	return user_running(&task->thread) ? task->thread.trapping :
					     task->run.regs.rsp - task->block < BLOCK_SIZE ||
						     within(task->run.regs.rip, trap_moving,
							    trap_moved);
}

static enum whole view_dune(struct task *task)
{
	const struct dune_run *run = &task->run;
	struct view *view = &task->view;
	uint64_t rip = task->host.rip;
	int result = (int)task->host.rax;

	view->regs = run->regs;
	view->orig_rax = ~0ull;
	view->fs_base = run->sregs.fs_base;
	view->gs_base = run->sregs.gs_base;
	view->cs = run->sregs.cs;
	view->ss = run->sregs.ss;
	finish_syscall(task);
	if (task->thread.abandonable || rip == view_here(host_unblock_done) ||
	    rip == view_here(host_sigreturn_done))
		return WHOLE;
	if (!within(rip, host_loop, host_loop_end))
		return NOT_YET;
	if (view_on_trap_stack(task))
		return rip >= view_here(host_run_done) && run->exit_reason == DUNE_EXIT_SYSCALL ?
			       NOT_YET : ON_TRAP_STACK;
	if (rip < view_here(host_run_done))
		return WHOLE;
	if (rip == view_here(host_run_done) && result < 0)
		return result == -EINTR ? WHOLE : NOT_YET;
	if (rip >= view_here(host_call_done)) {
		if (rip == view_here(host_call_done)) {
			view->regs.rax = task->host.rax;
			view->orig_rax = task->host.orig_rax;
		}
		view->regs.rip = run->regs.rcx;
		return WHOLE;
	}
	if (run->exit_reason == DUNE_EXIT_FAULT)
		return run->fault.flags & DUNE_FAULT_EVENT ? NOT_YET : WHOLE;
	if (run->exit_reason != DUNE_EXIT_SYSCALL)
		return WHOLE;
	if ((uint32_t)run->regs.rax >= SYSCALLS_KNOWN)
		return NOT_YET;
	/* Not called yet. */
	if (rip == view_here(host_call))
		view->regs.rax = task->host.rax;
	view->regs.rip = run->regs.rcx - SYSCALL_SIZE;
	return WHOLE;
}

enum whole view_load(struct task *task)
{
	task->view_changed = task->sregs_fresh = task->sregs_changed = false;
	if (ptrace(PTRACE_GETREGS, task->tid, 0, &task->host))
		return WHOLE; /* it is being killed */
	if (find_block(task))
		return view_dune(task);
	view_linux(task);
	return WHOLE;
}

void view_leave_trap_stack(struct task *task)
{
	struct dune_thread *thread = (void *)task->block;
	const uint64_t yes = 1;
	uint64_t mask;

	if (task->thread.deferred || ptrace(PTRACE_GETSIGMASK, task->tid, 8, &mask))
		return;
	/* As a signal would: trap.S asks for the host side when it is done. */
	memory_write((uint64_t)&thread->deferred_mask, &mask, 8);
	memory_write((uint64_t)&thread->deferred, &yes, 8);
	if (!within(task->run.regs.rip, trap_check, trap_end))
		return;
	task->run.regs.rip = view_here(trap_check);
	task->run.regs.rbp = task->block + TRAP_STACK_TOP - TRAP_FRAME_SIZE;
	task->run.regs.r12 = task->block;
	memory_write((uint64_t)task->thread.run + RUN_OFFSET(regs), &task->run.regs,
		     sizeof(task->run.regs));
}

/* Linux would call it again, or give the errno of it: -512 to -516. */
static bool call_waits(const struct view *view)
{
	int64_t result = (int64_t)view->regs.rax;

	return (int64_t)view->orig_rax >= 0 && result <= -512 && result >= -516;
}

void view_complete(struct task *task)
{
	struct dune_run *run = &task->run;
	uint64_t at = (uint64_t)task->thread.run;

	if (task->state != TASK_STOPPED || !task->block || task->sregs_fresh ||
	    run->flags & DUNE_RUN_SREGS || task->thread.abandonable)
		return;
	/* A call that Linux has interrupted it would make again, once it has made another. */
	if (call_waits(&task->view) ||
	    task_syscall(task, SYS_ioctl, task->thread.vcpu_fd, (long)DUNE_VCPU_SREGS, 0))
		return;
	memory_read(at + RUN_OFFSET(sregs), &run->sregs, sizeof(run->sregs));
	task->sregs_fresh = true;
	task->view.cs = run->sregs.cs;
	task->view.ss = run->sregs.ss;
	if (task->sregs_changed)
		return;
	task->view.fs_base = run->sregs.fs_base;
	task->view.gs_base = run->sregs.gs_base;
}

static void store_linux(struct task *task)
{
	const struct dune_regs *r = &task->view.regs;
	struct user_regs_struct *h = &task->host;

	h->rax = r->rax, h->rcx = r->rcx, h->rdx = r->rdx, h->rbx = r->rbx;
	h->rsp = r->rsp, h->rbp = r->rbp, h->rsi = r->rsi, h->rdi = r->rdi;
	h->r8 = r->r8, h->r9 = r->r9, h->r10 = r->r10, h->r11 = r->r11;
	h->r12 = r->r12, h->r13 = r->r13, h->r14 = r->r14, h->r15 = r->r15;
	h->rip = r->rip, h->eflags = r->rflags;
	h->orig_rax = task->view.orig_rax;
	h->fs_base = task->view.fs_base;
	h->gs_base = task->view.gs_base;
	ptrace(PTRACE_SETREGS, task->tid, 0, h);
}

/* What the host side was about to do is forgotten: it enters the guest. */
static void store_dune(struct task *task)
{
	struct dune_thread *thread = (void *)task->block;
	struct user_regs_struct *h = &task->host;
	struct dune_run *run = &task->run;
	struct view *view = &task->view;
	const bool no = false;

	if (call_waits(view)) {
		view->regs.rax = view->regs.rax == (uint64_t)-516 ? SYS_restart_syscall :
								    view->orig_rax;
		view->regs.rip -= SYSCALL_SIZE;
	}
	run->regs = view->regs;
	run->flags &= ~DUNE_RUN_EVENT;
	if (task->sregs_changed) {
		run->sregs.fs_base = view->fs_base;
		run->sregs.gs_base = view->gs_base;
		run->flags |= DUNE_RUN_SREGS;
	}
	memory_write((uint64_t)task->thread.run, run, sizeof(*run));
	memory_write((uint64_t)&thread->abandonable, &no, sizeof(no));
	h->rip = view_here(host_loop);
	h->rsp = (uint64_t)task->thread.host_sp;
	h->rbx = task->block;
	h->r12 = (uint64_t)task->thread.run;
	h->eflags = RFLAGS_PLAIN;
	h->orig_rax = ~0ull;
	ptrace(PTRACE_SETREGS, task->tid, 0, h);
}

static void store_flags(struct task *task)
{
	memory_write((uint64_t)task->thread.run + RUN_OFFSET(regs.rflags),
		     &task->run.regs.rflags, 8);
}

void view_store(struct task *task, bool step)
{
	if (task->block && step)
		task->view.regs.rflags |= TF;
	if (task->view_changed && task->block)
		store_dune(task);
	else if (task->view_changed)
		store_linux(task);
	if (task->block && step && !task->view_changed) {
		task->run.regs.rflags |= TF;
		store_flags(task);
	}
	task->view_changed = task->sregs_changed = false;
}

void view_unstep(struct task *task)
{
	task->view.regs.rflags &= ~TF;
	if (!task->block || !(task->run.regs.rflags & TF))
		return;
	task->run.regs.rflags &= ~TF;
	store_flags(task);
}
