// SPDX-License-Identifier: MIT
/* A thread's block: allocation, the process's list of them, and its vCPU's system state. */
#include <errno.h>
#include <stddef.h>

#include "block.h"
#include "monitor.h"
#include "thread.h"

__thread struct dune_thread *thread_self;
void (*thread_fatal_note)(uint64_t address);

_Static_assert(offsetof(struct dune_thread, run) == THREAD_RUN, "assembly");
_Static_assert(offsetof(struct dune_thread, vcpu_fd) == THREAD_VCPU_FD, "assembly");
_Static_assert(offsetof(struct dune_thread, host_sp) == THREAD_HOST_SP, "assembly");
_Static_assert(offsetof(struct dune_thread, deferred) == THREAD_DEFERRED, "assembly");
_Static_assert(offsetof(struct dune_thread, deferred_mask) == THREAD_DEFERRED_MASK, "assembly");
_Static_assert(offsetof(struct dune_thread, caller_sp) == THREAD_CALLER_SP, "assembly");
_Static_assert(offsetof(struct dune_thread, user_sp) == THREAD_USER_SP, "assembly");
_Static_assert(offsetof(struct dune_thread, user_rsp) == THREAD_USER_RSP, "assembly");
_Static_assert(offsetof(struct dune_thread, own_bases) == THREAD_OWN_BASES, "assembly");
_Static_assert(offsetof(struct dune_thread, gdt) == THREAD_GDT, "assembly");
_Static_assert(offsetof(struct dune_thread, trapping) == THREAD_TRAPPING, "assembly");
_Static_assert(offsetof(struct dune_thread, hook_sp) == THREAD_HOOK_SP, "assembly");
_Static_assert(offsetof(struct dune_thread, last) == THREAD_LAST, "assembly");
_Static_assert(offsetof(struct dune_thread, safe) == THREAD_SAFE, "assembly");
_Static_assert(offsetof(struct safe_range, low) == SAFE_LOW, "assembly");
_Static_assert(offsetof(struct safe_range, high) == SAFE_HIGH, "assembly");
_Static_assert(offsetof(struct safe_range, region) == SAFE_REGION, "assembly");
_Static_assert(offsetof(struct safe_range, edits) == SAFE_EDITS, "assembly");
_Static_assert(sizeof(struct safe_range) == 1 << SAFE_SHIFT, "assembly");
_Static_assert(sizeof(struct dune_trap_frame) == TRAP_FRAME_SIZE, "assembly");
_Static_assert(offsetof(struct dune_run, regs.rax) == RUN_RAX, "assembly");
_Static_assert(offsetof(struct dune_run, regs.r10) == RUN_R10, "assembly");
_Static_assert(offsetof(struct dune_run, regs.rflags) == RUN_RFLAGS, "assembly");
_Static_assert(DUNE_EXIT_SYSCALL == DUNE_EXIT_SYSCALL_NR, "assembly");
_Static_assert(sizeof(struct dune_thread) < FATAL_STACK_TOP / 2, "room for a stack");

struct dune_thread *thread_create(int *error)
{
	struct dune_thread *thread = block_alloc(error);

	if (!thread)
		return NULL;
	raw_zero(thread, sizeof(*thread)); /* locked memory keeps what it had */
	thread->signals = &dune_process.signals;
	thread->host_sp = (char *)thread + HOST_STACK_TOP - 64;
	thread->hook_sp = (char *)thread + HOOK_STACK_TOP;
	cpu_tables_build(thread);
	cpu_pid_set(thread, raw_syscall3(SYS_getpid, 0, 0, 0));
	/* A fork finds either no descriptor, or the thread it is of. */
	raw_lock(&dune_process.threads_lock);
	*error = host_vcpu_create(thread);
	if (*error) {
		raw_unlock(&dune_process.threads_lock);
		block_free(thread);
		return NULL;
	}
	thread->next = dune_process.threads;
	if (thread->next)
		thread->next->prev = thread;
	dune_process.threads = thread;
	__atomic_fetch_add(&dune_process.nthreads, 1, __ATOMIC_SEQ_CST);
	paging_thread_comes(thread, DUNE_ROOT_DEFAULT);
	raw_unlock(&dune_process.threads_lock);
	return thread;
}

void thread_tid_set(struct dune_thread *thread)
{
	thread->tid = raw_syscall3(SYS_gettid, 0, 0, 0);
}

void thread_unname(struct dune_thread *thread)
{
	raw_lock(&dune_process.threads_lock);
	thread->tid = 0;
	raw_unlock(&dune_process.threads_lock);
	while (__atomic_load_n(&thread->senders, __ATOMIC_ACQUIRE))
		raw_syscall3(SYS_sched_yield, 0, 0, 0);
}

void thread_end(struct dune_thread *thread)
{
	thread_unname(thread);
	raw_lock(&dune_process.threads_lock);
	host_vcpu_destroy(thread);
	if (thread->next)
		thread->next->prev = thread->prev;
	if (thread->prev)
		thread->prev->next = thread->next;
	else
		dune_process.threads = thread->next;
	__atomic_fetch_sub(&dune_process.nthreads, 1, __ATOMIC_SEQ_CST);
	paging_thread_goes(thread);
	raw_unlock(&dune_process.threads_lock);
}

void thread_destroy(struct dune_thread *thread)
{
	thread_end(thread);
	block_free(thread);
}

void thread_sregs(struct dune_thread *thread, uint64_t fs_base, uint64_t gs_base)
{
	const char *entry = dune_process.vmx ? syscall_entry_vmx :
					       syscall_entry_svm;

	thread->run->sregs = (struct dune_sregs){
		.cr3 = paging_cr3(thread),
		.gdt_base = (uint64_t)thread->gdt,
		.gdt_limit = sizeof(thread->gdt) - 1,
		.idt_base = (uint64_t)dune_process.idt,
		.idt_limit = sizeof(dune_process.idt) - 1,
		.tss_base = (uint64_t)&thread->tss,
		.tss_limit = sizeof(thread->tss) - 1,
		.fs_base = fs_base,
		.gs_base = gs_base,
		.kernel_gs_base = (uint64_t)thread,
		.star = (uint64_t)(SELECTOR_USER | 3) << 48 |
			(uint64_t)SELECTOR_CODE << 32,
		.lstar = (uint64_t)entry,
		.sfmask = 0,
		.cs = SELECTOR_CODE,
		.ss = SELECTOR_DATA,
		.tr = SELECTOR_TSS,
	};
	thread->user_ready = false;
	if (monitor_on())
		monitor_sregs(thread);
	thread->run->exit_reason = DUNE_EXIT_NONE;
	thread->run->flags |= DUNE_RUN_SREGS;
}
