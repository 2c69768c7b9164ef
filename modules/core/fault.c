// SPDX-License-Identifier: GPL-2.0
/*
 * A nested fault becomes a host page: found through the process's own page
 * tables, or its address space with its permissions, installed unless an
 * invalidation came between, and never pinned.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>
#include <linux/userfaultfd_k.h>

#include "core/compat.h"
#include "core/trace.h"
#include "core/vcpu.h"

/* What the host has at an address. */
struct host_page {
	struct page *page; /* referenced, or NULL for memory without struct page */
	u64 pa;
	unsigned int prot; /* TDP_* */
};

/* The host's own page table entry for an address. */
struct host_entry {
	pteval_t flags; /* 0: there is none */
	u64 pa;		/* of the 4 KiB page at the address, large entry or not */
	enum tdp_level level; /* only as large as this may the nested entry be */
};

/*
 * Under mmu_lock with no invalidation running, so the answer holds; interrupts
 * off keep the tables from being freed under the walk.
 */
static __always_inline struct host_entry
host_entry_find(struct mm_struct *mm, hva_t hva)
{
	struct host_entry found = { .level = TDP_4K };
	pgd_t pgd;
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;
	pte_t pte;

	local_irq_disable();
	pgd = READ_ONCE(*pgd_offset(mm, hva));
	if (pgd_none(pgd))
		goto out;
	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	if (p4d_none(p4d) || !p4d_present(p4d))
		goto out;
	pud = READ_ONCE(*pud_offset(&p4d, hva));
	if (pud_none(pud) || !pud_present(pud))
		goto out;
	if (pud_leaf(pud)) {
		found.flags = pud_flags(pud) & ~_PAGE_PSE;
		found.pa = ((u64)pud_pfn(pud) << PAGE_SHIFT) |
			   (hva & ~PUD_MASK & PAGE_MASK);
		found.level = TDP_2M;
		goto out;
	}
	pmd = READ_ONCE(*pmd_offset(&pud, hva));
	if (pmd_none(pmd) || !pmd_present(pmd))
		goto out;
	if (pmd_leaf(pmd)) {
		found.flags = pmd_flags(pmd) & ~_PAGE_PSE;
		found.pa = ((u64)pmd_pfn(pmd) << PAGE_SHIFT) |
			   (hva & ~PMD_MASK & PAGE_MASK);
		found.level = TDP_2M;
		goto out;
	}
	pte = READ_ONCE(*pte_offset_kernel(&pmd, hva));
	found.flags = pte_flags(pte);
	found.pa = pte_val(pte) & PTE_PFN_MASK;
out:
	local_irq_enable();
	return found;
}

/*
 * Whether the entry can be copied as it is. The guest's stores do not reach the
 * host's dirty bit, and a page that Linux believes clean may be dropped: so
 * only a dirty page is writable, and a clean one that could be is not for here.
 */
static bool host_entry_serves(const struct host_entry *entry, u32 access)
{
	const pteval_t odd = _PAGE_SPECIAL | _PAGE_DEVMAP | _PAGE_PWT |
			     _PAGE_PCD | _PAGE_PAT | _PAGE_PAT_LARGE;
	bool write = access & TDP_ACCESS_WRITE;

	if (entry->flags & odd ||
	    (entry->flags & (_PAGE_RW | _PAGE_DIRTY)) == _PAGE_RW ||
	    ((access & TDP_ACCESS_EXEC) && entry->flags & _PAGE_NX))
		return false;
	return pte_access_permitted(__pte(entry->flags), write);
}

/* Device memory and the like, vvar among them: no struct page to hold. */
static int pfnmap_find(struct mm_struct *mm, struct vm_area_struct *vma,
		       hva_t hva, bool write, struct host_page *found)
{
	struct follow_pfnmap_args args = { .vma = vma, .address = hva };
	bool unlocked = false;
	int error;

	error = follow_pfnmap_start(&args);
	if (error) {
		/* Not there yet: let the host's own fault handler bring it. */
		error = fixup_user_fault(mm, hva, write ? FAULT_FLAG_WRITE : 0,
					 &unlocked);
		if (unlocked)
			return -EAGAIN;
		if (!error)
			error = follow_pfnmap_start(&args);
		if (error)
			return -EFAULT;
	}
	if (write && !args.writable)
		error = -EFAULT;
	/* In ring 0 ENQCMDS may name any process's memory to a device. */
	if (!pfn_valid(args.pfn) && boot_cpu_has(X86_FEATURE_ENQCMD))
		error = -EFAULT;
	found->page = NULL;
	found->pa = (u64)args.pfn << PAGE_SHIFT;
	if (!args.writable)
		found->prot &= ~TDP_WRITE;
	/* Device memory must not become cached because a guest touches it. */
	if (pgprot_val(args.pgprot) & _PAGE_CACHE_MASK)
		found->prot |= TDP_UNCACHED;
	if (!pfn_valid(args.pfn))
		found->prot |= TDP_UNENCRYPTED;
	follow_pfnmap_end(&args);
	return error;
}

/* On x86 whatever can be written or executed can be read. */
static bool vma_allows(const struct vm_area_struct *vma, u32 access)
{
	if (access & TDP_ACCESS_WRITE)
		return vma->vm_flags & VM_WRITE;
	if (access & TDP_ACCESS_EXEC)
		return vma->vm_flags & VM_EXEC;
	return vma->vm_flags & VM_ACCESS_FLAGS;
}

/*
 * The fault that the process itself would have had at hva. True if Linux served
 * it; failures and odd mappings are left to host_page_find().
 */
static bool host_fault(struct mm_struct *mm, hva_t hva, u32 access)
{
	const unsigned long odd = VM_IO | VM_PFNMAP;
	struct vm_area_struct *vma;
	bool served = false;

	if (mmap_read_lock_killable(mm))
		return false;
	vma = vma_lookup(mm, hva);
	if (vma && !(vma->vm_flags & odd) && vma_allows(vma, access) &&
	    !userfaultfd_armed(vma))
		served = !(handle_mm_fault(vma, hva & PAGE_MASK,
					   access & TDP_ACCESS_WRITE ?
						   FAULT_FLAG_WRITE : 0,
					   NULL) & VM_FAULT_ERROR);
	mmap_read_unlock(mm);
	return served;
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
	if (!vma || !vma_allows(vma, access))
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
	/* What userfaultfd has to bring is waited for in ring 3, not under the lock. */
	if (userfaultfd_armed(vma)) {
		if (get_user_pages_fast_only(hva & PAGE_MASK, 1, gup_flags & FOLL_WRITE,
					     &found->page) != 1)
			goto unlock;
	} else if (get_user_pages(hva & PAGE_MASK, 1, gup_flags, &found->page) != 1) {
		goto unlock;
	}
	error = 0;
	if (!write)
		found->prot &= ~TDP_WRITE;
found:
	found->pa = page_to_phys(found->page);
unlock:
	mmap_read_unlock(mm);
	return error;
}

/* Write the nested entry. Under mmu_lock. */
static void fault_map(struct vcpu *vcpu, gpa_t gpa, u64 pa,
		      enum tdp_level level, unsigned int prot)
{
	struct vm *vm = vcpu->vm;
	bool stale = false;
	void *replaced;

	if (level == TDP_2M && vm->tdp.format->exec_4k) {
		/* Split once, it stays so: an instruction and its data may lie in one. */
		if (vcpu->exit.access & TDP_ACCESS_EXEC || tdp_is_split(&vm->tdp, gpa))
			level = TDP_4K;
		else
			prot &= ~TDP_EXEC;
	}
	replaced = tdp_map(&vm->tdp, &vcpu->cache, gpa, pa, level, prot, &stale);
	if (unlikely(stale)) {
		vm_flush_tlbs(vm);
		tdp_table_free(&vm->tdp, replaced);
	}
	if (level == TDP_2M)
		vcpu->counts.tdp_maps_2m++;
	else
		vcpu->counts.tdp_maps_4k++;
}

/*
 * The usual case: the host maps the page and allows the access. No reference,
 * no look at the VMA: under mmu_lock with no invalidation running the entry is
 * as good as what either would tell, and its end is told before it comes.
 */
static bool fault_copy(struct vcpu *vcpu, gpa_t gpa, hva_t hva, u32 access)
{
	struct vm *vm = vcpu->vm;
	struct host_entry entry;
	bool done = false;

	spin_lock(&vm->mmu_lock);
	if (vm->dead || vm->mmu_invalidating)
		goto unlock;
	entry = host_entry_find(vm->mm, hva);
	done = host_entry_serves(&entry, access);
	if (done)
		fault_map(vcpu, gpa, entry.pa, entry.level,
			  (entry.flags & _PAGE_RW ? TDP_WRITE : 0) |
			  (entry.flags & _PAGE_NX ? 0 : TDP_EXEC));
unlock:
	spin_unlock(&vm->mmu_lock);
	return done;
}

/* Install what was found; -EAGAIN if the host changed its mind meanwhile. */
static int fault_install(struct vcpu *vcpu, gpa_t gpa, hva_t hva,
			 unsigned long seq, const struct host_page *found)
{
	struct vm *vm = vcpu->vm;
	enum tdp_level level = TDP_4K;

	spin_lock(&vm->mmu_lock);
	if (vm->dead || vm_fault_stale(vm, seq)) {
		spin_unlock(&vm->mmu_lock);
		vcpu->counts.tdp_retries++;
		return -EAGAIN;
	}
	if (found->page)
		level = host_entry_find(vm->mm, hva).level;
	fault_map(vcpu, gpa, found->pa, level, found->prot);
	spin_unlock(&vm->mmu_lock);
	return 0;
}

/* What cannot be copied, or not yet. */
static int fault_serve(struct vcpu *vcpu, gpa_t gpa, hva_t hva, u32 access)
{
	struct vm *vm = vcpu->vm;
	struct host_page found = { 0 };
	unsigned long seq;
	int error;

	if (tdp_cache_fill(&vcpu->cache))
		return -ENOMEM;
	/* Linux's own fault handler brings the page; if it is a plain one, that is all. */
	if (host_fault(vm->mm, hva, access) && fault_copy(vcpu, gpa, hva, access))
		return 0;

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

/*
 * Another thread's invalidation is on its way: let it end. It may well want
 * this CPU. -ERESTARTSYS: a signal is there first.
 */
static int fault_wait(struct vm *vm)
{
	return wait_event_interruptible(vm->settled, !READ_ONCE(vm->mmu_invalidating));
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

static noinline int handle_slow_fault(struct vcpu *vcpu, gpa_t gpa, hva_t hva)
{
	int error;

	/* A copy on write invalidates what it replaces: look again, do not enter for it. */
	do {
		error = fault_serve(vcpu, gpa, hva, vcpu->exit.access);
	} while (error == -EAGAIN && !fault_wait(vcpu->vm) && !need_resched());
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

int handle_tdp_fault(struct vcpu *vcpu)
{
	gpa_t gpa = vcpu->exit.gpa;
	hva_t hva;

	if (unlikely(!slot_gpa_to_hva(&vcpu->vm->slots, gpa, &hva)))
		return fault_to_user(vcpu, ~0ull, DUNE_FAULT_NO_SLOT);
	if (unlikely(tdp_cache_fill(&vcpu->cache) ||
		     !fault_copy(vcpu, gpa, hva, vcpu->exit.access)))
		return handle_slow_fault(vcpu, gpa, hva);
	trace_dune_tdp_fault(vcpu->vm->id, gpa, hva, vcpu->exit.access, 0);
	return RESUME_GUEST;
}
