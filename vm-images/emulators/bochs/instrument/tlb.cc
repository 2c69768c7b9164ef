// SPDX-License-Identifier: MIT
/* Set-associative caches of translations, the least recently used one replaced. */

#include <stdlib.h>

#include "bochs.h"

#include "tlb.h"

void bx_translations_t::configure(unsigned entries, unsigned ways)
{
	table = (bx_translation_t *) calloc(entries, sizeof(*table));
	this->entries = entries;
	this->ways = ways;
	set_mask = entries ? entries / ways - 1 : 0;
	clock = 0;
	for (unsigned n = 0; n < entries; n++)
		table[n].page = EMPTY;
}

bx_translation_t *bx_translations_t::find(Bit64u page, const bx_space_t &space)
{
	if (!entries)
		return NULL;

	bx_translation_t *set = table + (page & set_mask) * ways;
	for (unsigned n = 0; n < ways; n++) {
		bx_translation_t &e = set[n];
		if (e.page == page && e.space.vm == space.vm && e.space.root == space.root &&
				(e.global || e.space.pcid == space.pcid)) {
			e.used = ++clock;
			return &e;
		}
	}
	return NULL;
}

bx_translation_t *bx_translations_t::victim(Bit64u page)
{
	if (!entries)
		return NULL;

	bx_translation_t *set = table + (page & set_mask) * ways, *oldest = set;
	for (unsigned n = 0; n < ways; n++) {
		if (set[n].page == EMPTY)
			return &set[n];
		if (set[n].used < oldest->used)
			oldest = &set[n];
	}
	return oldest;
}
