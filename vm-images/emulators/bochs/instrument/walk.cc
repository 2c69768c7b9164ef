// SPDX-License-Identifier: MIT
/*
 * Charges page walks: what a processor's walker would have read after a miss of its TLB.
 *
 * Bochs' own TLB is larger and untagged. It is kept a part of the modelled one: what the model
 * evicts is set aside in Bochs', so that every hit there is one here and costs no look-up. What
 * Bochs looks up and the model still has (after a switch that flushes only Bochs') is free.
 * What is set aside and looked up again is charged for a walk like any other, but Bochs need not
 * walk: it would find what it has.
 */

#include <string.h>

#include "bochs.h"
#include "cpu/cpu.h"
#include "cpu/svm.h"

#include "cache.h"
#include "counts.h"
#include "tlb.h"

// Page sizes, by the level of the table that maps them: 4 KiB, 2 MiB. One of 1 GiB counts as 2 MiB.
#define SIZES 2
#define MAX_LARGE 4096 // entries of the TLB for large pages
// Caches of upper levels, by the level that the entry is of: 1 (page directory) to 3.
#define LEVELS 4
#define PAGE_BITS(level) (12 + 9 * (level))

struct shape_t {
	const char *name;
	unsigned entries, ways;
};

// As the profile gives them. nested: of guest physical addresses.
static shape_t shape_tlb[SIZES] = { { "tlb_4k", 0, 0 }, { "tlb_2m", 0, 0 } };
static shape_t shape_upper[LEVELS] = { { "", 0, 0 }, { "upper_2m", 0, 0 }, { "upper_1g", 0, 0 }, { "upper_512g", 0, 0 } };
static shape_t shape_nested_upper[LEVELS] = { { "", 0, 0 }, { "nested_upper_2m", 0, 0 }, { "nested_upper_1g", 0, 0 },
	{ "nested_upper_512g", 0, 0 } };
static shape_t shape_nested_tlb[1] = { { "nested_tlb", 0, 0 } };

// A guest's walk reads up to five tables and then the page, each by a nested walk.
#define MAX_NESTED 8
#define MAX_READS 16

// Where the entries are that a walk has read, from the root.
struct reads_t {
	unsigned count;
	Bit64u paddr[MAX_READS];
};

// The nested walks of a walk, from the root.
struct nested_walks_t {
	unsigned count;
	struct {
		Bit64u guest_paddr;
		unsigned leaf;
	} walk[MAX_NESTED];
};

struct walker_t {
	bx_translations_t tlb[SIZES];
	bx_translations_t upper[LEVELS], nested_upper[LEVELS];
	bx_translations_t nested_tlb;
	Bit64u pieces[MAX_LARGE][8]; // of a large page: which of its 4 KiB pages Bochs' TLB may hold
	Bit32u asid; // of the last VMRUN
	Bit64u address_space; // of the host: the last one
	nested_walks_t nested; // since the walk began
	nested_walks_t aside[BX_DTLB_SIZE]; // those that filled the entries of Bochs' TLB
	// with caches only: of the guest's tables, or the only ones; of the nested walks
	reads_t reads, nested_reads[MAX_NESTED];
};

static walker_t *walkers[BX_MAX_SMP_THREADS_SUPPORTED];

static bool set_shape(shape_t *shapes, unsigned count, const char *name, unsigned entries,
	unsigned ways)
{
	for (unsigned n = 0; n < count; n++) {
		if (*shapes[n].name && !strcmp(shapes[n].name, name)) {
			shapes[n].entries = entries;
			shapes[n].ways = ways;
			return true;
		}
	}
	return false;
}

bool bx_tlb_configure(const char *name, unsigned entries, unsigned ways)
{
	unsigned sets = entries && ways ? entries / ways : 0;

	if (entries && (!sets || sets * ways != entries || (sets & (sets - 1)) || entries > MAX_LARGE))
		return false;
	return set_shape(shape_tlb, SIZES, name, entries, ways) ||
		set_shape(shape_upper, LEVELS, name, entries, ways) ||
		set_shape(shape_nested_upper, LEVELS, name, entries, ways) ||
		set_shape(shape_nested_tlb, 1, name, entries, ways);
}

static walker_t &walker(unsigned cpu)
{
	walker_t *w = walkers[cpu];

	if (!w) {
		w = walkers[cpu] = new walker_t();
		for (unsigned n = 0; n < SIZES; n++)
			w->tlb[n].configure(shape_tlb[n].entries, shape_tlb[n].ways);
		for (unsigned n = 0; n < LEVELS; n++) {
			w->upper[n].configure(shape_upper[n].entries, shape_upper[n].ways);
			w->nested_upper[n].configure(shape_nested_upper[n].entries, shape_nested_upper[n].ways);
		}
		w->nested_tlb.configure(shape_nested_tlb[0].entries, shape_nested_tlb[0].ways);
	}
	return *w;
}

// Empties all caches of a CPU as far as they match.
template <class Match> static void drop(unsigned cpu, Match match)
{
	walker_t &w = walker(cpu);

	for (unsigned n = 0; n < SIZES; n++)
		w.tlb[n].drop(match);
	for (unsigned n = 0; n < LEVELS; n++)
		w.upper[n].drop(match);
}

template <class Match> static void drop_nested(unsigned cpu, Match match)
{
	walker_t &w = walker(cpu);

	for (unsigned n = 0; n < LEVELS; n++)
		w.nested_upper[n].drop(match);
	w.nested_tlb.drop(match);
}

void bx_tlb_forget(unsigned cpu)
{
	auto all = [](const bx_translation_t &) { return true; };

	drop(cpu, all);
	drop_nested(cpu, all);
}

static bx_space_t current_space(BX_CPU_C *c)
{
	bx_space_t space = { 0, 0, 0 };

	if (c->cr4.get_PCIDE())
		space.pcid = c->cr3 & 0xfff;
	if (c->in_vmx_guest) {
		space.vm = c->vmcs.vmexec_ctrls2.VPID_ENABLE() ? c->vmcs.vpid : 0x10000;
		if (c->vmcs.vmexec_ctrls2.EPT_ENABLE())
			space.root = LPFOf(c->vmcs.eptptr);
	}
	else if (c->in_svm_guest) {
		space.vm = walker(c->which_cpu()).asid;
		if (c->vmcb->ctrls.nested_paging)
			space.root = LPFOf(c->vmcb->ctrls.ncr3);
	}
	return space;
}

// One linear address, in the caches of all page sizes; upper levels go with it.
static void drop_page(unsigned cpu, Bit32u vm, Bit32u pcid, Bit64u laddr, bool global_too)
{
	walker_t &w = walker(cpu);

	for (unsigned n = 0; n < SIZES; n++) {
		w.tlb[n].drop_page(laddr >> PAGE_BITS(n), [=](const bx_translation_t &e) {
			return e.space.vm == vm &&
				((e.global && global_too) || (!e.global && e.space.pcid == pcid));
		});
	}
	for (unsigned n = 0; n < LEVELS; n++) {
		w.upper[n].drop([=](const bx_translation_t &e) {
			return e.space.vm == vm && e.space.pcid == pcid;
		});
	}
}

// The same whatever its PCID.
static void drop_address(unsigned cpu, Bit32u vm, Bit64u laddr)
{
	walker_t &w = walker(cpu);
	auto match = [=](const bx_translation_t &e) { return e.space.vm == vm; };

	for (unsigned n = 0; n < SIZES; n++)
		w.tlb[n].drop_page(laddr >> PAGE_BITS(n), match);
	for (unsigned n = 0; n < LEVELS; n++)
		w.upper[n].drop(match);
}

static void drop_pcid(unsigned cpu, Bit32u vm, Bit32u pcid)
{
	drop(cpu, [=](const bx_translation_t &e) {
		return e.space.vm == vm && e.space.pcid == pcid && !e.global;
	});
}

static void drop_vm(unsigned cpu, Bit32u vm, bool global_too)
{
	drop(cpu, [=](const bx_translation_t &e) {
		return e.space.vm == vm && (global_too || !e.global);
	});
}

static void invalidate_pcid(unsigned cpu, Bit32u vm, Bit64u type, Bit64u pcid, Bit64u laddr)
{
	switch (type) {
	case 0: drop_page(cpu, vm, pcid, laddr, false); break;
	case 1: drop_pcid(cpu, vm, pcid); break;
	case 2: drop_vm(cpu, vm, true); break;
	default: drop_vm(cpu, vm, false);
	}
}

static void invalidate_vpid(unsigned cpu, Bit64u type, Bit32u vpid, Bit64u laddr)
{
	switch (type) {
	case 0: drop_address(cpu, vpid, laddr); break;
	case 1: drop_vm(cpu, vpid, true); break;
	case 2: drop(cpu, [](const bx_translation_t &e) { return e.space.vm != 0; }); break;
	default: drop_vm(cpu, vpid, false);
	}
}

static void invalidate_ept(unsigned cpu, Bit64u type, Bit64u root)
{
	auto match = [=](const bx_translation_t &e) {
		return e.space.root && (type != 1 || e.space.root == root);
	};

	drop(cpu, match);
	drop_nested(cpu, match);
}

// SVM's TLB control of a VMRUN: 1 everything, 3 an ASID, 7 its translations that are not global
static void invalidate_asid(unsigned cpu, Bit64u control, Bit32u asid)
{
	walker(cpu).asid = asid;
	if (control == 1) {
		bx_tlb_forget(cpu);
	}
	else if (control == 3 || control == 7) {
		drop_vm(cpu, asid, control == 3);
		drop_nested(cpu, [=](const bx_translation_t &e) { return e.space.vm == asid; });
	}
}

// Linux changes its root when it switches to a task of another address space: what that costs beyond
// its instructions and its flush is charged here. In a guest a root is a root: the MOV has its price.
// Page-table isolation has two roots for one address space, next to each other: bit 12 is not part of
// which one it is.
static void charge_task_switch(BX_CPU_C *c, Bit64u cr3)
{
	Bit64u &last = walker(c->which_cpu()).address_space;
	const Bit64u root = cr3 & BX_CONST64(0x000fffffffffe000);

	if (root != last)
		c->charge_units(bx_costs.task_switch);
	last = root;
}

void bx_tlb_invalidate(unsigned cpu, unsigned what, Bit64u type, Bit64u context, Bit64u laddr)
{
	BX_CPU_C *c = BX_CPU(cpu);
	const bx_space_t space = current_space(c);

	switch (what) {
	case BX_INSTR_MOV_CR3:
	case BX_INSTR_TASK_SWITCH:
		if (!space.vm)
			charge_task_switch(c, context);
		if (!type) // not told to keep them
			drop_pcid(cpu, space.vm, space.pcid);
		break;
	case BX_INSTR_MOV_CR4:
		drop_vm(cpu, space.vm, true);
		break;
	case BX_INSTR_INVLPG:
		drop_page(cpu, space.vm, space.pcid, context, true);
		break;
	case BX_INSTR_INVPCID:
		invalidate_pcid(cpu, space.vm, type, context, laddr);
		break;
	case BX_INSTR_INVEPT:
		invalidate_ept(cpu, type, context);
		break;
	case BX_INSTR_INVVPID:
		invalidate_vpid(cpu, type, context, laddr);
		break;
	case BX_INSTR_INVLPGA:
		drop_address(cpu, context, laddr);
		break;
	case BX_INSTR_TLB_CONTROL:
		invalidate_asid(cpu, type, context);
		break;
	case BX_INSTR_CONTEXT_SWITCH:
		// an entry or an exit of a VM; without VPID it flushes
		if (space.vm == 0x10000)
			drop(cpu, [](const bx_translation_t &e) { return !e.space.vm || e.space.vm == 0x10000; });
		break;
	default: // CR0: what matters goes with CR4 or EFER
		break;
	}
}

void bx_walk_begin(unsigned cpu)
{
	walker(cpu).nested.count = 0;
	walker(cpu).reads.count = 0;
}

void bx_walk_read(unsigned cpu, Bit64u paddr)
{
	reads_t &reads = walker(cpu).reads;

	if (reads.count < MAX_READS)
		reads.paddr[reads.count++] = paddr;
}

// The last `count` of them are of the nested walk that has ended.
static void take_reads(reads_t &from, reads_t &to, unsigned count)
{
	to.count = count < from.count ? count : from.count;
	from.count -= to.count;
	memcpy(to.paddr, from.paddr + from.count, to.count * sizeof(to.paddr[0]));
}

void bx_walk_nested(unsigned cpu, Bit64u guest_paddr, unsigned leaf)
{
	walker_t &w = walker(cpu);
	const unsigned n = w.nested.count;

	if (n < MAX_NESTED) {
		w.nested.walk[n].guest_paddr = guest_paddr;
		w.nested.walk[n].leaf = leaf;
		if (bx_costs.caches)
			take_reads(w.reads, w.nested_reads[n], LEVELS - leaf);
		w.nested.count++;
	}
}

// Tables that are read from the deepest one that is known, `top` down to `leaf`.
static unsigned references(bx_translations_t *upper, Bit64u address, unsigned top, unsigned leaf,
	const bx_space_t &space)
{
	unsigned level = leaf + 1;

	for (; level <= top; level++) {
		if (upper[level].find(address >> PAGE_BITS(level), space))
			break;
	}
	const unsigned count = level - leaf;
	// what was read is known from now on
	while (--level > leaf)
		upper[level].insert(address >> PAGE_BITS(level), space, false,
			[](const bx_translation_t &) {});
	return count;
}

// What the last `count` reads of a walk take: each comes from where the caches have it, or has a
// fixed price.
static Bit64u price(BX_CPU_C *c, const reads_t &reads, unsigned count, unsigned fixed)
{
	Bit64u units = 0;

	if (!bx_costs.caches)
		return (Bit64u) count * fixed;
	for (unsigned n = reads.count - (count < reads.count ? count : reads.count); n < reads.count; n++)
		units += bx_cache_latency(c->which_cpu(), reads.paddr[n]);
	return units;
}

// References of one nested walk, 0 if the translation is known.
static unsigned nested_references(walker_t &w, unsigned n, bx_space_t space)
{
	const Bit64u address = w.nested.walk[n].guest_paddr, page = address >> 12;

	space.pcid = 0;
	if (w.nested_tlb.find(page, space))
		return 0;
	w.nested_tlb.insert(page, space, false, [](const bx_translation_t &) {});
	return references(w.nested_upper, address, 3, w.nested.walk[n].leaf, space);
}

// What a walk reads: the guest's tables (or the only ones), and the nested ones that lead to them
// and to the page. A table that the walker need not read needs no nested walk.
static void charge_walk(BX_CPU_C *c, walker_t &w, Bit64u laddr, unsigned leaf,
	const bx_space_t &space)
{
	const unsigned top = c->cr4.get_LA57() ? 4 : 3;
	const unsigned count = references(w.upper, laddr, top < LEVELS ? top : LEVELS - 1, leaf, space);
	Bit64u units = bx_costs.walk + price(c, w.reads, count, bx_costs.walk_reference);
	unsigned nested = 0;

	if (w.nested.count) {
		// the walks were recorded from the root: the last one is the page's own
		const unsigned last = w.nested.count - 1;

		for (unsigned n = last - (count < last ? count : last); n <= last; n++) {
			const unsigned read = nested_references(w, n, space);

			nested += read;
			units += price(c, w.nested_reads[n], read, bx_costs.nested_reference);
		}
	}
	bx_counts.walks++;
	bx_counts.references += count;
	bx_counts.nested_references += nested;
	c->charge_units(units);
}

static void forget_in_bochs(BX_CPU_C *c, Bit64u lpf)
{
	bx_TLB_entry *data = c->DTLB.get_entry_of(lpf), *code = c->ITLB.get_entry_of(lpf);

	if (AlignedAccessLPFOf(data->lpf, 0x7ff) == lpf)
		data->lpf |= BX_TLB_ASIDE;
	if (AlignedAccessLPFOf(code->lpf, 0x7ff) == lpf)
		code->invalidate();
}

// Bochs' TLB holds 4 KiB pieces of large pages, and nothing of other address spaces.
static void evict_from_bochs(BX_CPU_C *c, const bx_translation_t &e, Bit64u *pieces)
{
	if (!pieces) {
		forget_in_bochs(c, e.page << 12);
		return;
	}
	for (unsigned n = 0; n < 8; n++) {
		for (; pieces[n]; pieces[n] &= pieces[n] - 1) {
			const Bit64u piece = n * 64 + __builtin_ctzll(pieces[n]);
			forget_in_bochs(c, (e.page << PAGE_BITS(1)) + (piece << 12));
		}
	}
}

// A translation has been looked up: by a walk, or by one that Bochs need not make.
static void look_up(BX_CPU_C *c, walker_t &w, Bit64u laddr, Bit32u page_mask, bool global,
	const bx_space_t &space)
{
	const unsigned leaf = page_mask > 0x1fffff ? 2 : page_mask > 0xfff ? 1 : 0;
	// a large page over small nested ones is held in small ones
	const unsigned held = leaf && !(w.nested.count && !w.nested.walk[w.nested.count - 1].leaf);
	bx_translations_t &tlb = w.tlb[held];
	const Bit64u page = laddr >> PAGE_BITS(held);

	bx_translation_t *e = tlb.find(page, space);
	if (e) {
		bx_counts.hits++;
	}
	else {
		charge_walk(c, w, laddr, leaf, space);
		e = tlb.insert(page, space, global, [&](const bx_translation_t &old) {
			evict_from_bochs(c, old, held ? w.pieces[tlb.number(&old)] : NULL);
		});
	}
	if (e && held) {
		const unsigned piece = (laddr >> 12) & 511;
		w.pieces[tlb.number(e)][piece / 64] |= (Bit64u) 1 << (piece % 64);
	}
}

void bx_walk_end(unsigned cpu, Bit64u laddr, Bit32u page_mask, bool global)
{
	BX_CPU_C *c = BX_CPU(cpu);
	walker_t &w = walker(cpu);

	look_up(c, w, laddr, page_mask, global, current_space(c));
	// a walk for an instruction fetch has filled no entry there
	if (w.nested.count && AlignedAccessLPFOf(c->DTLB.get_entry_of(laddr)->lpf, 0x3ff) == LPFOf(laddr))
		w.aside[c->DTLB.get_index_of(laddr)] = w.nested;
	w.nested.count = 0;
}

bool bx_walk_again(unsigned cpu, bx_TLB_entry *e, Bit64u laddr, Bit32u access_bits)
{
	BX_CPU_C *c = BX_CPU(cpu);
	walker_t &w = walker(cpu);
	const bx_space_t space = current_space(c);

	if (bx_costs.caches) // which want to know what the walk reads
		return false;
	e->lpf &= ~BX_TLB_ASIDE;
	e->accessBits &= access_bits;
	w.nested.count = 0;
	if (space.root)
		w.nested = w.aside[c->DTLB.get_index_of(laddr)];
	look_up(c, w, laddr, e->lpf_mask, e->accessBits & TLB_GlobalPage, space);
	w.nested.count = 0;
	return true;
}
