// SPDX-License-Identifier: GPL-2.0
/* Nested page table entries: the ordinary x86-64 format, user bit set at every level. */
#include <asm/mem_encrypt.h>
#include <asm/pgtable.h>

#include "svm/svm.h"

const struct tdp_format *svm_tdp_format(void)
{
	static struct tdp_format format = {
		.table = _PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED,
		.leaf = _PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED,
		.write = _PAGE_RW | _PAGE_DIRTY,
		.noexec = _PAGE_NX,
		.large = _PAGE_PSE,
		.uncached = _PAGE_PCD | _PAGE_PWT,
		.accessed = _PAGE_ACCESSED,
		.present = _PAGE_PRESENT,
	};

	format.encrypted = sme_me_mask;
	return &format;
}

/* The nested walk has as many levels as the host's own. */
int svm_tdp_levels(void)
{
	return pgtable_l5_enabled() ? 5 : 4;
}
