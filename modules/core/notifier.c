// SPDX-License-Identifier: GPL-2.0
/*
 * The mmu notifier keeps the nested page table a shadow of the process's own:
 * whatever Linux takes away, changes or wants to know the use of, is taken
 * away, changed or told here first. Pages are never pinned.
 */
#include <linux/delay.h>
#include <linux/mmu_notifier.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "core/trace.h"
#include "core/vm.h"

static struct vm *notifier_vm(struct mmu_notifier *notifier)
{
	return container_of(notifier, struct vm, notifier);
}

typedef bool (*range_fn)(struct tdp *tdp, gpa_t start, gpa_t end, bool clear);

/* Apply fn to the guest-physical image of [start, end). Under mmu_lock. */
static bool range_apply(struct vm *vm, hva_t start, hva_t end, range_fn fn,
			bool clear)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < vm->slots.n; i++) {
		hva_t base = (hva_t)vm->slots.hva_slot[i] << 30;
		hva_t from = max(start, base);
		hva_t to = min(end, base + SLOT_SIZE);

		if (from >= to)
			continue;
		any |= fn(&vm->tdp, ((gpa_t)i << 30) + (from - base),
			  ((gpa_t)i << 30) + (to - base), clear);
	}
	return any;
}

static bool zap(struct tdp *tdp, gpa_t start, gpa_t end, bool unused)
{
	return tdp_zap(tdp, start, end);
}

static int invalidate_start(struct mmu_notifier *notifier,
			    const struct mmu_notifier_range *range)
{
	struct vm *vm = notifier_vm(notifier);

	spin_lock(&vm->mmu_lock);
	vm->mmu_invalidating++;
	if (range_apply(vm, range->start, range->end, zap, true)) {
		vm->retired.invalidations++;
		vm_flush_tlbs(vm);
		trace_dune_invalidate(vm->id, range->start, range->end);
	}
	spin_unlock(&vm->mmu_lock);
	return 0;
}

static void invalidate_end(struct mmu_notifier *notifier,
			   const struct mmu_notifier_range *range)
{
	struct vm *vm = notifier_vm(notifier);
	bool settled;

	spin_lock(&vm->mmu_lock);
	vm->mmu_seq++;
	settled = !--vm->mmu_invalidating;
	spin_unlock(&vm->mmu_lock);
	if (settled && wq_has_sleeper(&vm->settled))
		wake_up_all(&vm->settled);
}

static int age(struct mmu_notifier *notifier, unsigned long start,
	       unsigned long end, bool clear, bool flush)
{
	struct vm *vm = notifier_vm(notifier);
	bool young;

	spin_lock(&vm->mmu_lock);
	young = range_apply(vm, start, end, tdp_age, clear);
	/* Without accessed bits the entries are gone: nobody may use them on. */
	if (young && (flush || (clear && !vm->tdp.format->accessed)))
		vm_flush_tlbs(vm);
	spin_unlock(&vm->mmu_lock);
	return young;
}

static int clear_flush_young(struct mmu_notifier *notifier,
			     struct mm_struct *mm, unsigned long start,
			     unsigned long end)
{
	return age(notifier, start, end, true, true);
}

static int clear_young(struct mmu_notifier *notifier, struct mm_struct *mm,
		       unsigned long start, unsigned long end)
{
	return age(notifier, start, end, true, false);
}

static int test_young(struct mmu_notifier *notifier, struct mm_struct *mm,
		      unsigned long address)
{
	return age(notifier, address, address + PAGE_SIZE, false, false);
}

/* The mm goes away: nothing may be reached through it any more. */
static void release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct vm *vm = notifier_vm(notifier);

	spin_lock(&vm->mmu_lock);
	vm->dead = true;
	vm->mmu_seq++;
	if (range_apply(vm, 0, 1ull << 47, zap, true))
		vm_flush_tlbs(vm);
	spin_unlock(&vm->mmu_lock);
}

static atomic_t freeing; /* VMs that are to be freed */

static void free_notifier(struct mmu_notifier *notifier)
{
	kvfree(notifier_vm(notifier));
	live_dec(LIVE_NOTIFIERS);
	atomic_dec(&freeing);
}

static const struct mmu_notifier_ops notifier_ops = {
	.free_notifier = free_notifier,
	.invalidate_range_start = invalidate_start,
	.invalidate_range_end = invalidate_end,
	.clear_flush_young = clear_flush_young,
	.clear_young = clear_young,
	.test_young = test_young,
	.release = release,
};

int vm_notifier_register(struct vm *vm)
{
	int error;

	vm->notifier.ops = &notifier_ops;
	error = mmu_notifier_register(&vm->notifier, vm->mm);
	if (!error)
		live_inc(LIVE_NOTIFIERS);
	/* It gives way to a signal; the whole request then begins again behind it. */
	return error == -EINTR ? -ERESTARTNOINTR : error;
}

/*
 * Callbacks that have begun may still hold the VM: it is freed when the last is
 * through. Nobody waits for that, as a process that ends would, for tens of
 * milliseconds.
 */
void vm_notifier_unregister(struct vm *vm)
{
	atomic_inc(&freeing);
	mmu_notifier_put(&vm->notifier);
}

void vm_notifiers_settle(void)
{
	/* mmu_notifier_synchronize() waits for readers, not for what is queued on other CPUs. */
	while (atomic_read(&freeing))
		msleep(1);
	synchronize_rcu(); /* and for the last of them to leave this module */
}
