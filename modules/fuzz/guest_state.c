// SPDX-License-Identifier: MIT
/* The state of a hostile guest: as bare_reset() leaves it, less what its parts spoil. */
#include "guest.h"

#include <string.h>
#include <sys/mman.h>

#define RFLAGS_ANY 0x247fd5u /* what the module takes */

static int64_t canonical(uint64_t value)
{
	return (int64_t)(value << 16) >> 16;
}

uint64_t guest_value(const struct bare *bare, struct random *r)
{
	static const uint64_t values[] = {
		0, 1, 2, 7, 8, 0xfff, 0x1000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
		0x3fffffff, 0x40000000, 0x7fffffffefff, 0x7ffffffff000, 0x7fffffffffff,
		0x800000000000, 0xffff800000000000, 0xffffffff81000000, 0xfffffffffffff000,
		0x8000000000000000, ~0ul, ~1ul, 0xfee00000, 0xfffffffffffffff8, 0x10000000000,
		0x8000000000000, 0x10000000000000, 0x7fffffffffffffff,
	};

	switch (random_below(r, 8)) {
	case 0:
		return random_u64(r);
	case 1:
	case 2:
		return RANDOM_OF(r, values);
	case 3:
		return bare->gpa + random_below(r, BARE_FREE + 2) * BARE_PAGE;
	case 4: /* the last bytes of a page */
		return bare_at(bare, 1 + random_below(r, BARE_FREE + 2)) - 1 - random_below(r, 16);
	case 5:
		return bare_at(bare, 1 + random_below(r, 512));
	default:
		return bare_at(bare, random_below(r, BARE_FREE + 2)) + random_below(r, BARE_PAGE);
	}
}

static uint64_t address(const struct bare *bare, struct random *r)
{
	return (uint64_t)canonical(guest_value(bare, r));
}

static void spoil_sregs(const struct bare *bare, struct random *r)
{
	struct dune_sregs *s = &bare->run->sregs;

	switch (random_below(r, 16)) {
	case 0:
		s->fs_base = address(bare, r);
		break;
	case 1:
		s->gs_base = address(bare, r);
		break;
	case 2:
		s->kernel_gs_base = address(bare, r);
		break;
	case 3:
	case 4:
		s->lstar = address(bare, r);
		break;
	case 5:
		s->star = random_below(r, 2) ? random_u64(r) : (uint64_t)BARE_CS0 << 32;
		break;
	case 6:
		s->sfmask = (uint32_t)random_u64(r);
		break;
	case 7:
		s->gdt_limit = random_u64(r);
		break;
	case 8:
		s->idt_limit = random_u64(r);
		break;
	case 9:
		s->tss_limit = random_u64(r);
		break;
	case 10:
		s->gdt_base = address(bare, r);
		break;
	case 11:
		s->idt_base = address(bare, r);
		break;
	case 12:
		s->tss_base = address(bare, r);
		break;
	case 13:
		s->cs = (random_below(r, 8191) + 1) * 8;
		break;
	case 14:
		s->ss = random_below(r, 8192) * 8;
		s->tr = random_below(r, 8192) * 8;
		break;
	case 15:
		s->cr3 = random_below(r, 1ul << (DUNE_SLOT_SHIFT - 12)) << 12;
		if (random_below(r, 2))
			s->cr3 = bare->gpa + random_below(r, BARE_FREE) * BARE_PAGE;
		break;
	}
}

static void spoil_tables(const struct bare *bare, struct random *r)
{
	static const unsigned char bits[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 21, 30, 36, 40, 47,
					      51, 52, 59, 62, 63 };
	static const unsigned int tables[] = { BARE_PT, BARE_PT, BARE_PT, BARE_PD, BARE_PDPT,
					       BARE_ROOT };
	unsigned int table = RANDOM_OF(r, tables);
	uint64_t *entries = (uint64_t *)bare_at(bare, table), base = (uint64_t)bare->memory, *e;
	unsigned int at[] = { base >> 39 & 511, base >> 30 & 511, base >> 21 & 511,
			      random_below(r, BARE_FREE + 4) };

	e = entries + at[table - BARE_ROOT];
	if (random_once_in(r, 3))
		e = entries + random_below(r, 512);
	if (random_below(r, 2))
		*e ^= 1ul << RANDOM_OF(r, bits);
	else
		*e = (guest_value(bare, r) & ~0xffful) | random_below(r, 512);
}

/* Descriptors that exist, nearly: type and rights drawn, the rest mostly flat. */
static void spoil_descriptors(const struct bare *bare, struct random *r)
{
	uint64_t *entry = bare_gdt(bare) + 1 + random_below(r, 16);

	*entry = 0x00af9b000000ffff;
	*entry ^= (random_u64(r) & 0xff) << 40;
	if (random_below(r, 2))
		*entry ^= (random_u64(r) & 0xf0) << 48;
	if (random_once_in(r, 4))
		*entry = random_u64(r);
}

static void spoil_gate(const struct bare *bare, struct random *r)
{
	static const unsigned char types[] = { 0x8e, 0xee, 0x8f, 0xef, 0x85, 0x8c, 0x0e, 0xae };
	static const unsigned short selectors[] = { BARE_CS0, BARE_CS0, BARE_CS3, BARE_SS0, 0,
						    BARE_TR, 0x48 };
	unsigned int vector = random_below(r, random_below(r, 4) ? 32 : 256);
	uint64_t to = random_below(r, 2) ? guest_value(bare, r) :
					   bare_at(bare, BARE_CODE) + random_below(r, 64);

	bare_gate_set(bare, vector, to, RANDOM_OF(r, types), RANDOM_OF(r, selectors),
		      random_below(r, 2) ? 1 : random_below(r, 8));
}

static void spoil_memory(const struct bare *bare, struct random *r)
{
	/* None that spoil_host() protects. */
	static const unsigned int pages[] = { BARE_TSS, BARE_STACK, BARE_CODE, BARE_GDT, BARE_IDT,
					      BARE_STUBS, BARE_PT };
	unsigned char *at = (unsigned char *)bare_at(bare, RANDOM_OF(r, pages));
	size_t n = 1 + random_below(r, 16);

	at += random_below(r, random_below(r, 2) ? 104 : BARE_PAGE - 16);
	while (n--)
		*at++ = random_u64(r);
}

static void spoil_host(const struct bare *bare, struct random *r)
{
	static const int protections[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE,
					   PROT_READ | PROT_EXEC };
	static const unsigned int pages[] = { BARE_DATA, BARE_DATA, BARE_CODE_NEXT, BARE_FREE };

	mprotect((void *)bare_at(bare, RANDOM_OF(r, pages)), BARE_PAGE, RANDOM_OF(r, protections));
}

static void spoil_event(const struct bare *bare, struct random *r)
{
	const uint32_t exceptions = 0xf7dfb; /* those that may be injected */
	struct dune_event event = { .vector = random_u64(r), .error_code = random_u64(r) & 0x7fff,
				    .cr2 = guest_value(bare, r) };

	if (event.vector < 32 && !(exceptions >> event.vector & 1))
		event.vector = 13;
	if (event.vector >= 32)
		bare->run->regs.rflags |= 0x200;
	bare->run->event = event;
	bare->run->flags |= DUNE_RUN_EVENT;
}

/* Due, or soon, or never; mostly a vector. */
static void spoil_timer(const struct bare *bare, struct random *r)
{
	volatile struct dune_timer *timer = &bare->run->timer;

	timer->deadline = random_below(r, 2) ? 0 : guest_value(bare, r);
	timer->ahead = random_below(r, 2) ? random_below(r, 100000) : guest_value(bare, r);
	timer->vector = random_below(r, random_below(r, 4) ? 256 : 300);
}

static void spoil(const struct bare *bare, struct random *r)
{
	switch (random_below(r, 13)) {
	case 0:
	case 1:
		spoil_sregs(bare, r);
		break;
	case 2:
	case 3:
	case 4:
		spoil_tables(bare, r);
		break;
	case 5:
		spoil_descriptors(bare, r);
		break;
	case 6:
	case 7:
		spoil_gate(bare, r);
		break;
	case 8:
		spoil_memory(bare, r);
		break;
	case 9:
		spoil_host(bare, r);
		break;
	case 10:
		spoil_event(bare, r);
		break;
	case 11:
		spoil_timer(bare, r);
		break;
	default:
		(&bare->run->regs.rax)[random_below(r, 16)] = guest_value(bare, r);
		break;
	}
}

/* What every guest has: registers from interesting places, flags of its own. */
static void state_common(const struct bare *bare, struct random *r)
{
	struct dune_regs *regs = &bare->run->regs;
	unsigned int i;

	for (i = 0; i < 16; i++)
		if (i != 4 && i != 6 && i != 7 && random_below(r, 2)) /* rsp, rsi, rdi */
			(&regs->rax)[i] = guest_value(bare, r);
	regs->rflags = 2;
	if (random_once_in(r, 3))
		regs->rflags |= random_u64(r) & RFLAGS_ANY;
}

void guest_state(struct guest *guest)
{
	struct bare *bare = guest->bare;
	struct random r = random_at(guest->seed, guest->index, 100);
	unsigned int n = random_below(&r, 3) ? random_below(&r, GUEST_STATE_PARTS + 1) : 0, i;

	state_common(bare, &r);
	bare_load(bare, guest->ring, guest->code, guest->size);
	for (i = 0; i < n; i++) {
		struct random part = random_at(guest->seed, guest->index, 101 + i);

		if (guest->parts & 1ull << (GUEST_CODE_PARTS + i))
			spoil(bare, &part);
	}
}

void guest_next(struct guest *guest, unsigned int round)
{
	struct bare *bare = guest->bare;
	struct random r = random_at(guest->seed, guest->index, 200 + round);
	unsigned int n = random_below(&r, 4);

	bare->run->flags = 0;
	while (n--)
		spoil(bare, &r);
	if (random_once_in(&r, 3))
		bare->run->regs.rip = bare_at(bare, BARE_CODE) + random_below(&r, 32);
	else if (random_once_in(&r, 4))
		bare->run->regs.rip = address(bare, &r);
	if (random_once_in(&r, 3))
		bare->run->regs.rflags = random_u64(&r);
	if (random_once_in(&r, 4))
		bare->run->flags |= DUNE_RUN_SREGS;
}
