// SPDX-License-Identifier: GPL-2.0
/* Compiles against any kernel: if it does not, the headers are broken, not old. */
#include <linux/mm.h>

int probe(const struct vm_area_struct *vma)
{
	return vma_pages(vma) > 0;
}
