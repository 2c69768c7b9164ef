// SPDX-License-Identifier: MIT
/* Set-associative caches of translations: a processor's TLB and the caches of its page walker. */

#ifndef COSTS_TLB_H
#define COSTS_TLB_H

// Takes the shape of one of the caches: its name in a profile, entries, ways. False: no such cache.
bool bx_tlb_configure(const char *name, unsigned entries, unsigned ways);

// Whose translation it is. vm: VPID or ASID, 0 for the host; root: page of the nested tables' root.
struct bx_space_t {
	Bit32u vm;
	Bit32u pcid;
	Bit64u root;
};

struct bx_translation_t {
	Bit64u page; // address >> bits of the page; all ones: empty
	bx_space_t space;
	bool global;
	Bit64u used; // by which the least recently used one is found
};

// One cache; entries 0: it does not exist and never hits.
class bx_translations_t {
public:
	void configure(unsigned entries, unsigned ways);

	// The entry of this page, or NULL.
	bx_translation_t *find(Bit64u page, const bx_space_t &space);

	// Puts a translation in place of the least recently used one of its set; returns the entry.
	// evict(entry) is called before that is overwritten. NULL: the cache does not exist.
	template <class Evict> bx_translation_t *insert(Bit64u page, const bx_space_t &space,
			bool global, Evict evict) {
		bx_translation_t *e = victim(page);
		if (e) {
			if (e->page != EMPTY)
				evict(*e);
			e->page = page;
			e->space = space;
			e->global = global;
			e->used = ++clock;
		}
		return e;
	}

	// Empties the entries for which match(entry) holds.
	template <class Match> void drop(Match match) {
		for (unsigned n = 0; n < entries; n++) {
			if (table[n].page != EMPTY && match(table[n]))
				table[n].page = EMPTY;
		}
	}

	// The same for entries of one page only.
	template <class Match> void drop_page(Bit64u page, Match match) {
		bx_translation_t *set = table + (page & set_mask) * ways;
		for (unsigned n = 0; n < ways && entries; n++) {
			if (set[n].page == page && match(set[n]))
				set[n].page = EMPTY;
		}
	}

	// An entry's number, below the number of entries.
	unsigned number(const bx_translation_t *e) const { return e - table; }

	static const Bit64u EMPTY = ~(Bit64u) 0;

private:
	bx_translation_t *victim(Bit64u page);

	bx_translation_t *table;
	unsigned entries, ways, set_mask;
	Bit64u clock;
};

#endif
