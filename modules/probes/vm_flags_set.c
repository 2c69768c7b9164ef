// SPDX-License-Identifier: GPL-2.0
/* Since 6.3 a VMA's flags are read-only but for these functions. */
#include <linux/mm.h>

void probe(struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_DONTCOPY);
}
