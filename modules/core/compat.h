/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernels we build for do not have in common, in the newest one's
 * words. HAVE_ comes from compiling modules/probes, never from a version.
 */
#ifndef DUNE_CORE_COMPAT_H
#define DUNE_CORE_COMPAT_H

#include <linux/mm.h>
#include <asm/reboot.h>

#ifndef HAVE_VM_FLAGS_SET
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

#ifndef HAVE_EMERGENCY_CALLBACK
static inline void cpu_emergency_register_virt_callback(void (*callback)(void))
{
}

static inline void cpu_emergency_unregister_virt_callback(void (*callback)(void))
{
}
#endif

#ifndef HAVE_GET_USER_PAGES_4
#define get_user_pages(start, n, flags, pages) \
	get_user_pages(start, n, flags, pages, NULL)
#endif

#ifndef HAVE_FOLLOW_PFNMAP
struct follow_pfnmap_args {
	struct vm_area_struct *vma;
	unsigned long address;

	spinlock_t *lock;
	pte_t *ptep;

	unsigned long pfn;
	pgprot_t pgprot;
	bool writable;
};

/* On success the page table is locked until follow_pfnmap_end(). */
static inline int follow_pfnmap_start(struct follow_pfnmap_args *args)
{
	int error = follow_pte(args->vma->vm_mm, args->address, &args->ptep,
			       &args->lock);

	if (error)
		return error;
	args->pfn = pte_pfn(*args->ptep);
	args->pgprot = __pgprot(pte_flags(*args->ptep));
	args->writable = pte_write(*args->ptep);
	return 0;
}

static inline void follow_pfnmap_end(struct follow_pfnmap_args *args)
{
	__acquire(args->lock); /* sparse did not see follow_pte() take it */
	pte_unmap_unlock(args->ptep, args->lock);
}
#endif

#endif
