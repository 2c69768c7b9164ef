// SPDX-License-Identifier: MIT
/* Exceptions by instruction, and instructions that newer processors have: what each comes to. */
#include "lib/bare.h"
#include "lib/ktap.h"

#define IOPL3 0x3000

enum end {
	PASSES = BARE_NONE, /* no exception: it runs to its end */
	SKIPPED = -2,       /* not in this ring */
	UD_OR_GP = -3,      /* vendors differ in which */
	DE = BARE_DE,
	DB = BARE_DB,
	BP = BARE_BP,
	UD = BARE_UD,
	GP = BARE_GP,
};

struct row {
	const char *name;
	const char *code;
	size_t size;
	int ring0, ring3; /* enum end or a vector's number */
	uint64_t rax, rcx, rdx;
	uint64_t rflags; /* beside bit 1 */
};

#define ROW(name, code, ...) { name, code, sizeof(code) - 1, __VA_ARGS__ }

static bool row_ring(struct bare *bare, const struct row *p, int ring, int expected)
{
	struct bare_end end;
	bool ok;

	bare_reset(bare);
	bare->run->regs.rax = p->rax;
	bare->run->regs.rcx = p->rcx;
	bare->run->regs.rdx = p->rdx;
	bare->run->regs.rflags |= p->rflags;
	bare_load(bare, ring, p->code, p->size);
	end = bare_run(bare);
	if (expected == PASSES)
		ok = !end.error && end.reached_end;
	else if (expected == UD_OR_GP)
		ok = !end.error && (end.vector == UD || end.vector == GP);
	else
		ok = !end.error && end.vector == expected;
	if (!ok)
		printf("# %s in ring %d: error %d, exit %u, hw %#llx, vector %d, error code %#x, "
		       "rip %#lx\n", p->name, ring, end.error, end.reason, bare->run->hw_reason,
		       end.vector, end.error_code, end.rip);
	return ok;
}

static void row_check(struct bare *bare, const struct row *p)
{
	static const char *const rings[] = { "ring 0", "ring 3" };
	int expected[] = { p->ring0, p->ring3 }, i;

	for (i = 0; i < 2; i++)
		if (expected[i] != SKIPPED)
			ktap_check(row_ring(bare, p, i * 3, expected[i]), "%s in %s", p->name,
				   rings[i]);
}

/* How many checks row_check() makes of n rows. */
static int row_count(const struct row *p, size_t n)
{
	int count = 0;
	size_t i;

	for (i = 0; i < n; i++)
		count += (p[i].ring0 != SKIPPED) + (p[i].ring3 != SKIPPED);
	return count;
}

static const struct row rows[] = {
	ROW("nop", "\x90", PASSES, PASSES),
	ROW("set CR0.CD", "\x0f\x20\xc0\x0d\x00\x00\x00\x40\x0f\x22\xc0", GP, GP),
	ROW("upper half of CR0", "\x0f\x20\xc0\x48\x0f\xba\xe8\x20\x0f\x22\xc0", GP, GP),
	ROW("reserved bit of CR4", "\x0f\x20\xe0\x48\x0f\xba\xe8\x3f\x0f\x22\xe0", GP, GP),
	ROW("read CR5", "\x0f\x20\xe8", UD, UD_OR_GP),
	ROW("umwait", "\xf2\x0f\xae\xf0", UD, UD),
	ROW("rdfsbase", "\xf3\x48\x0f\xae\xc0", PASSES, PASSES),
	ROW("cpuid", "\x0f\xa2", PASSES, PASSES),
	ROW("invpcid", "\x66\x0f\x38\x82\x06", UD, UD_OR_GP),
	ROW("cli and sti", "\xfa\xfb", PASSES, GP),
	ROW("cli and sti with I/O privilege 3", "\xfa\xfb", SKIPPED, PASSES, .rflags = IOPL3),
	ROW("vmfunc", "\x0f\x01\xd4", UD, UD),
	ROW("getsec", "\x0f\x37", UD, UD),
	ROW("encls", "\x0f\x01\xcf", UD, UD),
	ROW("rsm", "\x0f\xaa", UD, UD),
	ROW("int $0x80", "\xcd\x80", 0x80, GP),
	ROW("int3", "\xcc", BP, BP),
	ROW("int1", "\xf1", DB, DB),
	ROW("into", "\xce", UD, UD),
	ROW("divide by zero", "\x31\xc9\xf7\xf1", DE, DE),
};

int main(void)
{
	struct bare *bare = bare_create();
	const size_t n = sizeof(rows) / sizeof(rows[0]);
	size_t i;

	ktap_plan(row_count(rows, n));
	for (i = 0; i < n; i++)
		row_check(bare, &rows[i]);
	bare_destroy(bare);
	return ktap_exit_status();
}
