// SPDX-License-Identifier: GPL-2.0
/*
 * A nested fault becomes a host page: found through the process's own address
 * space with its permissions, installed unless an invalidation came between,
 * and never pinned.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>

#include "core/trace.h"
#include "core/vcpu.h"

/* What the host has at an address. */
struct host_page {
	struct page *page; /* referenced, or NULL for memory without struct page */
	u64 pa;
	unsigned int prot; /* TDP_* */
};

/*
 * How large the host itself maps hva: only then may the nested entry be as
 * large. Under mmu_lock with no invalidation running, so the answer holds;
 * interrupts off keep the tables from being freed under the walk.
 */
static enum tdp_level host_level(struct mm_struct *mm, hva_t hva)
{
	enum tdp_level level = TDP_4K;
	unsigned long flags;
	pgd_t pgd;
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;

	local_irq_save(flags);
	pgd = READ_ONCE(*pgd_offset(mm, hva));
	if (pgd_none(pgd))
		goto out;
	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	if (p4d_none(p4d) || !p4d_present(p4d))
		goto out;
	pud = READ_ONCE(*pud_offset(&p4d, hva));
	if (pud_none(pud) || !pud_present(pud))
		goto out;
	if (pud_large(pud)) {
		level = TDP_2M;
		goto out;
	}
	pmd = READ_ONCE(*pmd_offset(&pud, hva));
	if (!pmd_none(pmd) && pmd_present(pmd) && pmd_large(pmd))
		level = TDP_2M;
out:
	local_irq_restore(flags);
	return level;
}

/* Device memory and the like, vvar among them: no struct page to hold. */
static int pfnmap_find(struct mm_struct *mm, struct vm_area_struct *vma,
		       hva_t hva, bool write, struct host_page *found)
{
	bool unlocked = false;
	spinlock_t *lock;
	pte_t *pte;
	int error;

	error = follow_pte(mm, hva, &pte, &lock);
	if (error) {
		/* Not there yet: let the host's own fault handler bring it. */
		error = fixup_user_fault(mm, hva, write ? FAULT_FLAG_WRITE : 0,
					 &unlocked);
		if (unlocked)
			return -EAGAIN;
		if (!error)
			error = follow_pte(mm, hva, &pte, &lock);
		if (error)
			return -EFAULT;
	}
	if (write && !pte_write(*pte))
		error = -EFAULT;
	found->page = NULL;
	found->pa = (u64)pte_pfn(*pte) << PAGE_SHIFT;
	if (!pte_write(*pte))
		found->prot &= ~TDP_WRITE;
	/* Device memory must not become cached because a guest touches it. */
	if (pte_flags(*pte) & _PAGE_CACHE_MASK)
		found->prot |= TDP_UNCACHED;
	if (!pfn_valid(pte_pfn(*pte)))
		found->prot |= TDP_UNENCRYPTED;
	pte_unmap_unlock(pte, lock);
	return error;
}

/*
 * Look hva up under mmap_lock, held until the page is found: a later change of
 * the VMA then meets a populated page and invalidates.
 */
static int host_page_find(struct mm_struct *mm, hva_t hva, u32 access,
			  struct host_page *found)
{
	bool write = access & TDP_ACCESS_WRITE;
	struct vm_area_struct *vma;
	unsigned int gup_flags;
	int error = -EFAULT;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	vma = vma_lookup(mm, hva);
	/* On x86 whatever can be written or executed can be read. */
	if (!vma || !(vma->vm_flags & (write ? VM_WRITE : VM_ACCESS_FLAGS)) ||
	    ((access & TDP_ACCESS_EXEC) && !(vma->vm_flags & VM_EXEC)))
		goto unlock;
	found->prot = (vma->vm_flags & VM_WRITE ? TDP_WRITE : 0) |
		      (vma->vm_flags & VM_EXEC ? TDP_EXEC : 0);

	if (vma->vm_flags & (VM_IO | VM_PFNMAP)) {
		error = pfnmap_find(mm, vma, hva, write, found);
		goto unlock;
	}
	/* A page the host could write already saves the write fault later. */
	if (!write && (found->prot & TDP_WRITE) &&
	    get_user_pages_fast_only(hva & PAGE_MASK, 1, FOLL_WRITE,
				     &found->page) == 1) {
		/*
		 * The guest's stores do not reach the host's dirty bit; a page
		 * that Linux believes clean may be dropped (MADV_FREE).
		 */
		set_page_dirty_lock(found->page);
		error = 0;
		goto found;
	}
	gup_flags = write ? FOLL_WRITE :
		    vma->vm_flags & VM_READ ? 0 : FOLL_FORCE;
	if (get_user_pages(hva & PAGE_MASK, 1, gup_flags, &found->page, NULL) != 1)
		goto unlock;
	error = 0;
	if (!write)
		found->prot &= ~TDP_WRITE;
found:
	found->pa = page_to_phys(found->page);
unlock:
	mmap_read_unlock(mm);
	return error;
}

/* Install what was found; -EAGAIN if the host changed its mind meanwhile. */
static int fault_install(struct vcpu *vcpu, gpa_t gpa, hva_t hva,
			 unsigned long seq, const struct host_page *found)
{
	struct vm *vm = vcpu->vm;
	enum tdp_level level = TDP_4K;
	void *replaced;

	spin_lock(&vm->mmu_lock);
	if (vm->dead || vm_fault_stale(vm, seq)) {
		spin_unlock(&vm->mmu_lock);
		vcpu->counts.tdp_retries++;
		return -EAGAIN;
	}
	if (found->page)
		level = host_level(vm->mm, hva);
	replaced = tdp_map(&vm->tdp, &vcpu->cache, gpa, found->pa, level,
			   found->prot);
	if (replaced) {
		vm_flush_tlbs(vm);
		tdp_table_free(&vm->tdp, replaced);
	}
	spin_unlock(&vm->mmu_lock);
	if (level == TDP_2M)
		vcpu->counts.tdp_maps_2m++;
	else
		vcpu->counts.tdp_maps_4k++;
	return 0;
}

static int fault_serve(struct vcpu *vcpu, gpa_t gpa, hva_t hva, u32 access)
{
	struct vm *vm = vcpu->vm;
	struct host_page found = { 0 };
	unsigned long seq;
	int error;

	if (tdp_cache_fill(&vcpu->cache))
		return -ENOMEM;
	seq = READ_ONCE(vm->mmu_seq);
	/* The sequence is read before the host's page tables. */
	smp_rmb();
	error = host_page_find(vm->mm, hva, access, &found);
	if (error)
		return error;
	error = fault_install(vcpu, gpa, hva, seq, &found);
	if (found.page)
		put_page(found.page);
	return error;
}

/* Ring 3 touches the address itself and so gets what any process would: a signal. */
static int fault_to_user(struct vcpu *vcpu, hva_t hva, u32 flags)
{
	u32 access = vcpu->exit.access;

	if (access & TDP_ACCESS_WRITE)
		flags |= DUNE_FAULT_WRITE;
	if (access & TDP_ACCESS_EXEC)
		flags |= DUNE_FAULT_EXEC;
	if (access & TDP_ACCESS_TABLE)
		flags |= DUNE_FAULT_TABLE;
	if (vcpu->event.valid)
		flags |= DUNE_FAULT_EVENT;
	vcpu->run->fault = (struct dune_fault){
		.gpa = vcpu->exit.gpa,
		.hva = hva,
		.flags = flags,
	};
	run_page_store(vcpu, DUNE_EXIT_FAULT);
	return RETURN_TO_USER;
}

int handle_tdp_fault(struct vcpu *vcpu)
{
	gpa_t gpa = vcpu->exit.gpa;
	hva_t hva;
	int error;

	if (!slot_gpa_to_hva(&vcpu->vm->slots, gpa, &hva))
		return fault_to_user(vcpu, ~0ull, DUNE_FAULT_NO_SLOT);
	/* A copy on write invalidates what it replaces: look again, do not enter for it. */
	do {
		error = fault_serve(vcpu, gpa, hva, vcpu->exit.access);
	} while (error == -EAGAIN && !signal_pending(current) && !need_resched());
	trace_dune_tdp_fault(vcpu->vm->id, gpa, hva, vcpu->exit.access, error);
	switch (error) {
	case 0:
	case -EAGAIN:
	case -EINTR:
		/* Run again: the access repeats, or the loop sees the signal. */
		return RESUME_GUEST;
	case -ENOMEM:
		return -ENOMEM;
	default:
		return fault_to_user(vcpu, hva, 0);
	}
}
