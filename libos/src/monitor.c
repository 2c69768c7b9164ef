// SPDX-License-Identifier: MIT
/* A program in ring 3 with libdune under it: where it is, hooks, and what it may not map. */
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>

#include <dune/syscall.h>

#include "block.h"
#include "hidden.h"
#include "host_exit.h"
#include "monitor.h"
#include "ring3.h"
#include "signal/signal.h"
#include "thread.h"

/* As in monitor.S: the place of the frame's vector. */
#define CALL_PENDING 256
#define CALL_ANSWERED 257
#define CALL_MADE 258 /* the hook has made a call: it may have been the program's */

extern const char monitor_entry_svm[], monitor_entry_vmx[], monitor_return_svm[],
	monitor_return_vmx[], monitor_hook[], monitor_hooked[], monitor_check[], monitor_again[],
	monitor_iret[];
extern const char host_run_done[], host_call[];

static struct {
	bool on;
	uint64_t image, image_end;
} monitor;

void monitor_set(const void *image, const void *image_end)
{
	monitor.image = (uint64_t)image & ~4095ull;
	monitor.image_end = ((uint64_t)image_end + 4095) & ~4095ull;
	monitor.on = true;
	host_watch_ring3();
}

bool monitor_on(void)
{
	return monitor.on;
}

bool monitor_is_own(uint64_t address)
{
	return address - monitor.image < monitor.image_end - monitor.image;
}

void monitor_image(uint64_t *start, uint64_t *end)
{
	*start = monitor.image;
	*end = monitor.image_end;
}

void monitor_sregs(struct dune_thread *thread)
{
	thread->run->sregs.lstar =
		(uint64_t)(dune_process.vmx ? monitor_entry_vmx : monitor_entry_svm);
	thread->run->sregs.sfmask = SYSCALL_CLEARS;
}

static void ring3_segments(struct dune_sregs *sregs)
{
	sregs->cs = SELECTOR_CODE3;
	sregs->ss = SELECTOR_DATA3;
}

void monitor_begin(struct dune_thread *thread)
{
	ring3_segments(&thread->run->sregs);
}

void monitor_to_ring3(struct dune_thread *thread)
{
	if (!monitor.on)
		return;
	/* They may be newer than the vCPU's. */
	if (!(thread->run->flags & DUNE_RUN_SREGS))
		host_sregs(thread);
	ring3_segments(&thread->run->sregs);
	thread->run->flags |= DUNE_RUN_SREGS;
}

static bool within(uint64_t rip, const char *from, const char *to)
{
	return rip >= (uint64_t)from && rip < (uint64_t)to;
}

/*
 * Where the vCPU is. Ring 3 may point rip into the image, but makes no hypercalls: only
 * of other exits must Linux be asked.
 */
static bool in_ring0(struct dune_thread *thread)
{
	struct dune_run *run = thread->run;

	if (!(run->flags & DUNE_RUN_SREGS)) {
		if (run->exit_reason == DUNE_EXIT_SYSCALL)
			return true;
		if (!monitor_is_own(run->regs.rip))
			return false;
		host_sregs(thread);
	}
	return !(run->sregs.cs & 3);
}

bool monitor_passes(const struct dune_regs *regs)
{
	return monitor.on && (regs->rip == (uint64_t)monitor_return_svm ||
			      regs->rip == (uint64_t)monitor_return_vmx);
}

void monitor_settle(struct dune_thread *thread, struct dune_regs *regs)
{
	if (!in_ring0(thread))
		return;
	if (!within(regs->rip, monitor_entry_svm, monitor_hook + 1) &&
	    !within(regs->rip, monitor_again, monitor_iret))
		return;
	if (regs->rip == (uint64_t)monitor_return_svm || regs->rip == (uint64_t)monitor_return_vmx)
		regs->rip = regs->rcx;
	else
		regs->rip = regs->rcx - SYSCALL_SIZE;
	regs->rflags = flags_of_ring3(regs->r11);
}

bool monitor_between(struct dune_thread *thread)
{
	const struct dune_regs *regs = &thread->run->regs;

	if (!monitor.on || !monitor_is_own(regs->rip) || !in_ring0(thread))
		return false;
	return regs->rsp - (uint64_t)thread < BLOCK_STRIDE ||
	       within(regs->rip, monitor_hook + 1, monitor_hooked);
}

static struct dune_trap_frame *hook_frame(const struct dune_thread *thread)
{
	return (struct dune_trap_frame *)((uint64_t)thread + HOOK_STACK_TOP - TRAP_FRAME_SIZE);
}

void monitor_look_again(struct dune_thread *thread)
{
	struct dune_regs *regs = &thread->run->regs;

	if (!within(regs->rip, monitor_check, monitor_again) &&
	    regs->rip != (uint64_t)monitor_iret)
		return;
	regs->rip = (uint64_t)monitor_check;
	regs->rbp = (uint64_t)hook_frame(thread);
	regs->rsp = regs->rbp;
	regs->r12 = (uint64_t)thread;
}

/* A hook performs the program's call: the program's registers, should the hook be dropped. */
static bool hook_regs(struct dune_thread *thread, struct dune_regs *regs)
{
	const struct dune_run *run = thread->run;
	const struct dune_trap_frame *frame = hook_frame(thread);

	if (!monitor_between(thread) || run->exit_reason != DUNE_EXIT_SYSCALL ||
	    (uint32_t)run->regs.rax >= SYSCALLS_KNOWN ||
	    run->regs.rsp - (uint64_t)thread < RUN_PAGE_OFFSET || frame->vector != CALL_PENDING)
		return false;
	signal_regs_of_frame(regs, frame);
	return true;
}

bool monitor_restart(struct dune_thread *thread, uint64_t host_rip, struct dune_regs *regs)
{
	if (host_rip < (uint64_t)host_run_done || host_rip > (uint64_t)host_call ||
	    !hook_regs(thread, regs))
		return false;
	regs->rip -= SYSCALL_SIZE;
	return true;
}

bool monitor_interrupted(struct dune_thread *thread, struct dune_regs *regs)
{
	if (!hook_regs(thread, regs))
		return false;
	regs->rax = (uint64_t)-EINTR;
	return true;
}

/* From assembly, in ring 0 on the hook stack. */
void monitor_dispatch(struct dune_trap_frame *frame);
void monitor_dispatch(struct dune_trap_frame *frame)
{
	struct dune_syscall call = {
		.nr = (uint32_t)frame->rax,
		.args = { frame->rdi, frame->rsi, frame->rdx, frame->r10, frame->r8, frame->r9 },
		.rip = frame->rip,
		.rsp = frame->rsp,
	};

	if (syscall_dispatch(&call)) {
		frame->rax = (uint64_t)call.result;
		frame->vector = CALL_ANSWERED;
		return;
	}
	frame->rax = call.nr;
	frame->rdi = call.args[0];
	frame->rsi = call.args[1];
	frame->rdx = call.args[2];
	frame->r10 = call.args[3];
	frame->r8 = call.args[4];
	frame->r9 = call.args[5];
}

/* From assembly: a signal goes first. */
void monitor_give_up(struct dune_trap_frame *frame);
void monitor_give_up(struct dune_trap_frame *frame)
{
	if (frame->vector != CALL_ANSWERED)
		frame->rip -= SYSCALL_SIZE;
}

void monitor_call_made(void)
{
	struct dune_thread *thread =
		(void *)((uintptr_t)__builtin_frame_address(0) & -(uintptr_t)BLOCK_STRIDE);

	if (monitor.on)
		hook_frame(thread)->vector = CALL_MADE;
}

bool monitor_overlaps(uint64_t start, uint64_t end)
{
	return monitor.on &&
	       ((start < monitor.image_end && monitor.image < end) ||
		block_overlaps(start, end) || paging_overlaps(start, end));
}

static bool overlaps(uint64_t start, uint64_t size)
{
	return monitor_overlaps(start, start + size < start ? ~0ull : start + size);
}

#define LARGE (2ull << 20)
#define HUGE (1ull << 30)

/*
 * What Linux makes of a size if the pages are large ones, which programs can get from
 * several places: then it takes only addresses that are multiples of a page's size.
 */
static uint64_t rounded(uint64_t size, uint64_t addresses)
{
	uint64_t unit = 4096;

	if (!(addresses & (LARGE - 1)))
		unit = addresses & (HUGE - 1) ? LARGE : HUGE;
	return size > -unit ? size : (size + unit - 1) & -unit;
}

/* Of pages of any size, this unmaps no more than it says. */
static long map_here(const struct dune_regs *regs)
{
	struct dune_regs changed = *regs;
	long ret = raw_syscall3(SYS_munmap, (long)regs->rdi, (long)regs->rsi, 0);

	changed.r10 |= MAP_FIXED_NOREPLACE;
	if (!ret)
		ret = host_call_linux(&changed);
	return ret == -EEXIST ? -EPERM : ret;
}

static long mmap_any(const struct dune_regs *regs)
{
	bool anonymous = regs->r10 & MAP_ANONYMOUS;

	if (!anonymous && hidden_is((uint32_t)regs->r8))
		return -EBADF;
	if (!(regs->r10 & MAP_FIXED) || regs->r10 & MAP_FIXED_NOREPLACE)
		return host_call_linux(regs);
	if (overlaps(regs->rdi, regs->rsi))
		return -EPERM;
	if ((!anonymous || regs->r10 & MAP_HUGETLB) &&
	    overlaps(regs->rdi, rounded(regs->rsi, regs->rdi)))
		return anonymous ? -EPERM : map_here(regs);
	return host_call_linux(regs);
}

static long monitor_mmap(const struct dune_regs *regs)
{
	long ret;

	if (regs->r10 & MAP_ANONYMOUS)
		return mmap_any(regs);
	/* As in hidden_syscall(). */
	raw_lock(&dune_process.threads_lock);
	ret = mmap_any(regs);
	raw_unlock(&dune_process.threads_lock);
	return ret;
}

static bool mremap_is_ours(const struct dune_regs *regs)
{
	bool fixed = regs->r10 & MREMAP_FIXED;
	uint64_t from = regs->rdi, to = regs->r8, addresses = from | (fixed ? to : 0);
	uint64_t old = rounded(regs->rsi, addresses), new = rounded(regs->rdx, addresses);

	/* What is left over of the old one is unmapped, whatever is there. */
	return overlaps(from, old > new ? old : regs->rsi) || (fixed && overlaps(to, new));
}

long monitor_memory_syscall(const struct dune_regs *regs)
{
	uint32_t nr = (uint32_t)regs->rax;
	bool ours = overlaps(regs->rdi, regs->rsi);

	if (nr == SYS_prctl) /* other limits of the heap would make brk() unmap what is ours */
		return (int)regs->rdi == PR_SET_MM ? -EPERM : host_call_linux(regs);
	if (nr == SYS_mmap)
		return monitor_mmap(regs);
	if (nr == SYS_shmat)
		ours = regs->rdx & SHM_REMAP; /* of whatever size */
	if (nr == SYS_mremap)
		ours = mremap_is_ours(regs);
	if (ours)
		return -EPERM;
	return host_call_linux(regs);
}
