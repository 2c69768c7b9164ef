// SPDX-License-Identifier: GPL-2.0
/* Lifetime of a VM, and telling its vCPUs that translations changed. */
#include <linux/atomic.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "core/limit.h"
#include "core/stats.h"
#include "core/vcpu.h"
#include "core/vm.h"

static atomic_t next_id;

struct vm *vm_create(void)
{
	struct limit_user *user = limit_take();
	struct vm *vm;
	int error;

	if (IS_ERR(user))
		return ERR_CAST(user);
	vm = kvzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm) {
		limit_give(user);
		return ERR_PTR(-ENOMEM);
	}
	vm->user = user;
	kref_init(&vm->refcount);
	spin_lock_init(&vm->mmu_lock);
	init_waitqueue_head(&vm->settled);
	INIT_LIST_HEAD(&vm->vcpus);
	vm->id = atomic_inc_return(&next_id);
	vm->mm = current->mm;
	mmgrab(vm->mm);

	error = tdp_create(&vm->tdp);
	if (error)
		goto drop_mm;
	error = vm_notifier_register(vm);
	if (error)
		goto destroy_tdp;
	live_inc(LIVE_VMS);
	stats_vm_add(vm);
	return vm;

destroy_tdp:
	tdp_destroy(&vm->tdp);
drop_mm:
	mmdrop(vm->mm);
	kvfree(vm);
	limit_give(user);
	return ERR_PTR(error);
}

static void vm_destroy(struct kref *refcount)
{
	struct vm *vm = container_of(refcount, struct vm, refcount);

	unsigned int slots;

	stats_vm_remove(vm);
	/* Without slots nobody finds anything in the tables any more. */
	spin_lock(&vm->mmu_lock);
	slots = vm->slots.n;
	vm->slots.n = 0;
	spin_unlock(&vm->mmu_lock);
	tdp_destroy(&vm->tdp);
	live_sub(LIVE_SLOTS, slots);
	live_dec(LIVE_VMS);
	stats_vm_retire(&vm->retired);
	mmdrop(vm->mm);
	limit_give(vm->user);
	vm_notifier_unregister(vm);
}

void vm_get(struct vm *vm)
{
	kref_get(&vm->refcount);
}

void vm_put(struct vm *vm)
{
	kref_put(&vm->refcount, vm_destroy);
}

static void kicked(void *unused)
{
	/* The interrupt itself made the CPU leave the guest. */
}

void vm_flush_tlbs(struct vm *vm)
{
	struct vcpu *vcpu;

	lockdep_assert_held(&vm->mmu_lock);
	preempt_disable(); /* the lock alone does not, on a real-time kernel */
	WRITE_ONCE(vm->tlb_gen, vm->tlb_gen + 1);
	/*
	 * Pairs with the barrier in vcpu_enter(): either the vCPU sees the new
	 * generation, or it is seen here as inside the guest.
	 */
	smp_mb();
	cpumask_clear(&vm->kick);
	list_for_each_entry(vcpu, &vm->vcpus, link) {
		int cpu = READ_ONCE(vcpu->in_guest_cpu);

		if (cpu >= 0)
			cpumask_set_cpu(cpu, &vm->kick);
	}
	if (!cpumask_empty(&vm->kick))
		smp_call_function_many(&vm->kick, kicked, NULL, true);
	preempt_enable();
}

void vm_counts(struct vm *vm, struct event_counts *sum)
{
	struct vcpu *vcpu;

	spin_lock(&vm->mmu_lock);
	*sum = vm->retired;
	list_for_each_entry(vcpu, &vm->vcpus, link)
		event_counts_add(sum, &vcpu->counts);
	spin_unlock(&vm->mmu_lock);
}
