// SPDX-License-Identifier: GPL-2.0
/* Since 6.5 get_user_pages() tells no VMAs. */
#include <linux/mm.h>

long probe(unsigned long start, struct page **pages)
{
	return get_user_pages(start, 1, FOLL_WRITE, pages);
}
