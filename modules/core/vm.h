/* SPDX-License-Identifier: GPL-2.0 */
/* struct vm: one process in Dune mode, its slots, its nested page table, its vCPUs. */
#ifndef DUNE_CORE_VM_H
#define DUNE_CORE_VM_H

#include <linux/bitmap.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mmu_notifier.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "core/slot.h"
#include "core/stats.h"
#include "core/tdp.h"

struct dentry;
struct limit_user;

#define VCPUS_MAX 1024

/* (c) constant after creation, [m] mmu_lock, (a) atomic */
struct vm {
	struct kref refcount;	     /* (a) the VM fd and each vCPU hold one */
	struct mm_struct *mm;	     /* (c) holds mm_count, not mm_users */
	struct limit_user *user;     /* (c) whose it counts as */
	struct mmu_notifier notifier; /* (c) */
	struct dentry *debugfs;	     /* (c) */
	unsigned int id;	     /* (c) */

	spinlock_t mmu_lock;
	struct slot_map slots;	     /* [m] for writers */
	struct tdp tdp;		     /* [m] */
	struct list_head vcpus;	     /* [m] */
	unsigned int nvcpus;	     /* [m] */
	DECLARE_BITMAP(vcpu_nrs, VCPUS_MAX); /* [m] numbers in use */
	bool dead;		     /* [m] the mm is gone */
	cpumask_t kick;		     /* [m] scratch */

	/* A fault that began before mmu_seq changed, or while an invalidation runs, retries. */
	unsigned long mmu_seq;	     /* [m] for writers */
	unsigned int mmu_invalidating; /* [m] */
	wait_queue_head_t settled;   /* woken when none runs any more */

	/* Each vCPU compares with its own before it enters. */
	unsigned long tlb_gen;	     /* [m] for writers */

	struct event_counts retired; /* [m] of vCPUs that are gone */
};

struct vm *vm_create(void);
void vm_get(struct vm *vm);
void vm_put(struct vm *vm);

/*
 * Make every vCPU drop its nested translations before it next enters and wait
 * until none uses the old ones. Under mmu_lock, interrupts on.
 */
void vm_flush_tlbs(struct vm *vm);

/* Sum over the vCPUs, present and past. */
void vm_counts(struct vm *vm, struct event_counts *sum);

/* notifier.c */
int vm_notifier_register(struct vm *vm);
/* Frees vm, sooner or later. */
void vm_notifier_unregister(struct vm *vm);
/* Wait until those have been freed that are to be. */
void vm_notifiers_settle(void);

/* True if a fault sampled at seq must retry. Under mmu_lock. */
static inline bool vm_fault_stale(const struct vm *vm, unsigned long seq)
{
	return vm->mmu_invalidating || vm->mmu_seq != seq;
}

#endif
