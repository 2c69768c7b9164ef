// SPDX-License-Identifier: GPL-2.0
/* Lifetime of a vCPU and the loop that runs it: enter, decode, handle, again. */
#include <linux/context_tracking.h>
#include <linux/hw_breakpoint.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vtime.h>
#include <asm/debugreg.h>
#include <asm/fpu/api.h>

#include "core/power.h"
#include "core/trace.h"
#include "core/vcpu.h"

struct vcpu *vcpu_create(struct vm *vm)
{
	struct vcpu *vcpu;
	int error = -ENOMEM;

	BUILD_BUG_ON(sizeof(struct dune_run) > PAGE_SIZE);

	vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	mutex_init(&vcpu->run_lock);
	vcpu->last_cpu = -1;
	vcpu->in_guest_cpu = -1;
	vcpu->vm = vm;
	vcpu_timer_init(vcpu);
	vcpu->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->run)
		goto free_vcpu;
	error = backend->vcpu_create(vcpu);
	if (error)
		goto free_run;

	spin_lock(&vm->mmu_lock);
	error = vm->nvcpus < VCPUS_MAX ? 0 : -EMFILE;
	if (!error) {
		vm->nvcpus++;
		vcpu->nr = find_first_zero_bit(vm->vcpu_nrs, VCPUS_MAX);
		__set_bit(vcpu->nr, vm->vcpu_nrs);
		list_add_tail(&vcpu->link, &vm->vcpus);
	}
	spin_unlock(&vm->mmu_lock);
	if (error)
		goto destroy_hw;
	vm_get(vm);
	live_inc(LIVE_VCPUS);
	return vcpu;

destroy_hw:
	backend->vcpu_destroy(vcpu);
free_run:
	free_page((unsigned long)vcpu->run);
free_vcpu:
	kfree(vcpu);
	return ERR_PTR(error);
}

void vcpu_destroy(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	vcpu_timer_destroy(vcpu);
	backend->vcpu_destroy(vcpu);
	spin_lock(&vm->mmu_lock);
	list_del(&vcpu->link);
	vm->nvcpus--;
	__clear_bit(vcpu->nr, vm->vcpu_nrs);
	event_counts_add(&vm->retired, &vcpu->counts);
	spin_unlock(&vm->mmu_lock);

	tdp_cache_drain(&vcpu->cache);
	/* A mapping of the run page holds its own reference. */
	free_page((unsigned long)vcpu->run);
	kfree(vcpu);
	live_dec(LIVE_VCPUS);
	vm_put(vm);
}

void vcpu_queue_exception(struct vcpu *vcpu, u8 vector, u32 error_code)
{
	/* Vectors with an error code: #DF #TS #NP #SS #GP #PF #AC. */
	const u32 has_error = BIT(8) | BIT(10) | BIT(11) | BIT(12) | BIT(13) |
			      BIT(14) | BIT(17);

	vcpu->event = (struct vcpu_event){
		.valid = true,
		.type = EVENT_EXCEPTION,
		.vector = vector,
		.has_error = has_error & BIT(vector),
		.error_code = error_code,
	};
}

/* Work that only the way back to user space does: signals, rseq, task_work. */
#define USER_WORK (_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL | _TIF_NOTIFY_RESUME)

static noinline void vcpu_work_before_entry(struct vcpu *vcpu)
{
	if (vcpu->timer_work && !vcpu_timer_has_looked(&vcpu->timer))
		vcpu_timer_look(vcpu);
	if (READ_ONCE(vcpu->interrupt_work))
		vcpu_interrupts_take(vcpu);
}

/*
 * One entry and exit: 0, -EAGAIN if something else must be done first (the loop
 * then looks again with interrupts on), -ENODEV if the extension is off: the
 * machine is going down.
 */
static __always_inline int vcpu_enter(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	unsigned long tlb_gen, flags;
	int error, cpu;
	bool moved;

	preempt_disable();
	cpu = smp_processor_id();
	moved = vcpu->last_cpu != cpu;
	if (unlikely(moved) && vcpu->last_cpu >= 0) {
		backend->cpu_leave(vcpu);
		vcpu->last_cpu = -1;
	}
	local_irq_disable();
	WRITE_ONCE(vcpu->in_guest_cpu, cpu);
	/* Pairs with the barriers in vm_flush_tlbs() and vcpu_interrupt(). */
	smp_mb();
	flags = read_thread_flags();
	error = -EAGAIN;
	if (unlikely(flags & (USER_WORK | _TIF_NEED_RESCHED)))
		goto out;
	error = -ENODEV;
	if (unlikely(!__this_cpu_read(power_on)))
		goto out;

	/*
	 * The guest's FPU state is the task's own. A softirq or another task
	 * may have taken the registers since; nothing can from here on.
	 */
	if (unlikely(flags & _TIF_NEED_FPU_LOAD))
		switch_fpu_return();

	if (unlikely(READ_ONCE(vcpu->work)))
		vcpu_work_before_entry(vcpu);

	tlb_gen = READ_ONCE(vm->tlb_gen);
	trace_dune_vmentry(vm->id, &vcpu->regs);
	vcpu->counts.entries++;
	if (vcpu->event.valid)
		vcpu->counts.events_injected++;

	vtime_account_guest_enter();
	context_tracking_guest_enter();
	static_call(backend_enter)(vcpu, moved || tlb_gen != vcpu->tlb_gen);
	context_tracking_guest_exit();

	vcpu->tlb_gen = tlb_gen;
	vcpu->last_cpu = cpu;
	/* The exit switched them off. */
	if (hw_breakpoint_active())
		hw_breakpoint_restore();

	/*
	 * Take the interrupt that made the guest exit while this still counts
	 * as guest time: a tick then charges the guest, not the kernel. Nor
	 * does the timer's own interrupt find anybody else here.
	 */
	local_irq_enable();
	asm volatile("nop"); /* leave the shadow of STI */
	local_irq_disable();
	WRITE_ONCE(vcpu->in_guest_cpu, -1);
	vtime_account_guest_exit();
	local_irq_enable();
	preempt_enable();
	return 0;
out:
	WRITE_ONCE(vcpu->in_guest_cpu, -1);
	local_irq_enable();
	preempt_enable();
	return error;
}

/* The loop has its own copy, which saves it a call and ten registers a turn. */
static noinline int vcpu_enter_once(struct vcpu *vcpu)
{
	return vcpu_enter(vcpu);
}

/*
 * vcpu_enter() found something to do first. 0: it entered all the same,
 * -EAGAIN: done, -EINTR: only ring 3's side can do it.
 */
static int vcpu_work(struct vcpu *vcpu)
{
	unsigned long work = read_thread_flags() & USER_WORK;
	int error;

	if (!work) {
		cond_resched();
		return -EAGAIN;
	}
	/*
	 * A tracer that stops the thread at each system call makes it sleep,
	 * and thereby rseq want its attention, before it gets here: every time.
	 * The second time in a row one entry comes first.
	 */
	if (work == _TIF_NOTIFY_RESUME && vcpu->counts.entries == vcpu->entries_seen) {
		clear_thread_flag(TIF_NOTIFY_RESUME);
		error = vcpu_enter_once(vcpu);
		set_thread_flag(TIF_NOTIFY_RESUME);
		if (error != -EAGAIN)
			return error;
	}
	vcpu->entries_seen = vcpu->counts.entries;
	run_page_store(vcpu, DUNE_EXIT_INTR);
	return -EINTR;
}

/* Those that matter without an indirect call. */
static int exit_handle(struct vcpu *vcpu)
{
	switch (vcpu->exit.reason) {
	case VCPU_EXIT_INTERRUPT: /* the host has taken it: handle_resume(), which is nothing */
		trace_dune_sample(vcpu->vm->id, &vcpu->regs);
		return RESUME_GUEST;
	case VCPU_EXIT_HYPERCALL:
		return handle_hypercall(vcpu);
	case VCPU_EXIT_TDP_FAULT:
		return handle_tdp_fault(vcpu);
	case VCPU_EXIT_CPUID:
		return handle_cpuid(vcpu);
	default:
		return exit_handlers[vcpu->exit.reason](vcpu);
	}
}

static int vcpu_loop(struct vcpu *vcpu)
{
	for (;;) {
		int action, error;

		error = vcpu_enter(vcpu);
		if (unlikely(error == -EAGAIN))
			error = vcpu_work(vcpu);
		if (unlikely(error)) {
			if (error == -EAGAIN)
				continue;
			return error;
		}

		static_call(backend_exit_decode)(vcpu);
		vcpu->counts.exits[vcpu->exit.reason]++;
		trace_dune_vmexit(vcpu->vm->id, vcpu);
		action = exit_handle(vcpu);
		if (action < 0) /* the guest's state is whole: user space may try again */
			run_page_store(vcpu, DUNE_EXIT_INTR);
		if (action != RESUME_GUEST)
			return action < 0 ? action : 0;
	}
}

int vcpu_run(struct vcpu *vcpu)
{
	int error;

	if (!mutex_trylock(&vcpu->run_lock))
		return -EBUSY;
	vcpu->new_run = true;
	vcpu->timer.looked = 0; /* that was for another entry */
	error = vcpu->dead ? -ENODEV : run_page_load(vcpu);
	if (!error)
		error = vcpu_loop(vcpu);
	mutex_unlock(&vcpu->run_lock);
	return error;
}

int vcpu_sregs(struct vcpu *vcpu)
{
	if (!mutex_trylock(&vcpu->run_lock))
		return -EBUSY;
	backend->sregs_get(vcpu, &vcpu->run->sregs);
	mutex_unlock(&vcpu->run_lock);
	return 0;
}
