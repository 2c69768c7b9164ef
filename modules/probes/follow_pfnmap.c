// SPDX-License-Identifier: GPL-2.0
/* Since 6.12 this looks up memory without struct page; before it was follow_pte(). */
#include <linux/mm.h>

int probe(struct follow_pfnmap_args *args)
{
	return follow_pfnmap_start(args);
}
