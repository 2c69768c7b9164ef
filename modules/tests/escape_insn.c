// SPDX-License-Identifier: MIT
/* Instructions that are the host's, in both rings: each ends in a stated exception. */
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
	ROW("ud2", "\x0f\x0b", UD, UD),


	ROW("flip CR0.WP", "\x0f\x20\xc0\x48\x35\x00\x00\x01\x00\x0f\x22\xc0", GP, GP),
	ROW("clear CR0.PG", "\x0f\x20\xc0\x25\xff\xff\xff\x7f\x0f\x22\xc0", GP, GP),
	ROW("set CR0.CD", "\x0f\x20\xc0\x0d\x00\x00\x00\x40\x0f\x22\xc0", GP, GP),
	ROW("upper half of CR0", "\x0f\x20\xc0\x48\x0f\xba\xe8\x20\x0f\x22\xc0", GP, GP),
	ROW("read CR0", "\x0f\x20\xc0", PASSES, GP),
	ROW("set CR0.TS by lmsw", "\x0f\x01\xe0\x83\xc8\x08\x0f\x01\xf0", GP, GP),
	ROW("smsw", "\x0f\x01\xe0", PASSES, PASSES),
	ROW("flip CR4.PAE", "\x0f\x20\xe0\x48\x83\xf0\x20\x0f\x22\xe0", GP, GP),
	ROW("flip CR4.VMXE", "\x0f\x20\xe0\x48\x35\x00\x20\x00\x00\x0f\x22\xe0", GP, GP),
	ROW("set CR4.PCIDE", "\x0f\x20\xe0\x48\x0d\x00\x00\x02\x00\x0f\x22\xe0", GP, GP),
	ROW("flip CR4.OSXSAVE", "\x0f\x20\xe0\x48\x35\x00\x00\x04\x00\x0f\x22\xe0", GP, GP),
	ROW("reserved bit of CR4", "\x0f\x20\xe0\x48\x0f\xba\xe8\x3f\x0f\x22\xe0", GP, GP),
	ROW("read CR4", "\x0f\x20\xe0", PASSES, GP),
	ROW("write CR2", "\x0f\x22\xd0", PASSES, GP),
	ROW("CR3 to itself", "\x0f\x20\xd8\x0f\x22\xd8", PASSES, GP),
	ROW("write CR8", "\x44\x0f\x22\xc0", GP, GP),
	ROW("read CR8", "\x44\x0f\x20\xc0", GP, GP),
	ROW("read CR1", "\x0f\x20\xc8", UD, UD_OR_GP),
	ROW("read CR5", "\x0f\x20\xe8", UD, UD_OR_GP),

	ROW("read DR0", "\x0f\x21\xc0", GP, GP),
	ROW("write DR0", "\x0f\x23\xc0", GP, GP),
	ROW("read DR4", "\x0f\x21\xe0", GP, GP),
	ROW("read DR6", "\x0f\x21\xf0", GP, GP),
	ROW("write DR6", "\x0f\x23\xf0", GP, GP),
	ROW("read DR7", "\x0f\x21\xf8", GP, GP),
	ROW("write DR7", "\x0f\x23\xf8", GP, GP, .rax = 0x400),

	ROW("xgetbv", "\x0f\x01\xd0", PASSES, PASSES),
	ROW("xsetbv", "\x0f\x01\xd0\x0f\x01\xd1", GP, GP),
	ROW("hlt", "\xf4", GP, GP),
	ROW("monitor", "\x48\x89\xf0\x0f\x01\xc8", UD, UD),
	ROW("mwait", "\x0f\x01\xc9", UD, UD),
	ROW("monitorx", "\x48\x89\xf0\x0f\x01\xfa", UD, UD),
	ROW("mwaitx", "\x0f\x01\xfb", UD, UD),
	ROW("umwait", "\xf2\x0f\xae\xf0", UD, UD),
	ROW("invd", "\x0f\x08", GP, GP),
	ROW("wbinvd", "\x0f\x09", GP, GP),
	ROW("rdpmc", "\x0f\x33", GP, GP),
	ROW("rdtsc", "\x0f\x31", PASSES, PASSES),
	ROW("rdtscp", "\x0f\x01\xf9", PASSES, PASSES),
	ROW("rdfsbase", "\xf3\x48\x0f\xae\xc0", PASSES, PASSES),
	ROW("cpuid", "\x0f\xa2", PASSES, PASSES),
	ROW("invlpg", "\x0f\x01\x3e", PASSES, GP),
	ROW("invpcid", "\x66\x0f\x38\x82\x06", UD, UD_OR_GP),
	ROW("swapgs", "\x0f\x01\xf8\x0f\x01\xf8", PASSES, GP),
	ROW("cli and sti", "\xfa\xfb", PASSES, GP),
	ROW("cli and sti with I/O privilege 3", "\xfa\xfb", SKIPPED, PASSES, .rflags = IOPL3),

	ROW("vmlaunch", "\x0f\x01\xc2", UD, UD),
	ROW("vmresume", "\x0f\x01\xc3", UD, UD),
	ROW("vmxoff", "\x0f\x01\xc4", UD, UD),
	ROW("vmxon", "\xf3\x0f\xc7\x36", UD, UD),
	ROW("vmclear", "\x66\x0f\xc7\x36", UD, UD),
	ROW("vmptrld", "\x0f\xc7\x36", UD, UD),
	ROW("vmptrst", "\x0f\xc7\x3e", UD, UD),
	ROW("vmread", "\x0f\x78\xc8", UD, UD),
	ROW("vmwrite", "\x0f\x79\xc8", UD, UD),
	ROW("invept", "\x66\x0f\x38\x80\x06", UD, UD),
	ROW("invvpid", "\x66\x0f\x38\x81\x06", UD, UD),
	ROW("vmfunc", "\x0f\x01\xd4", UD, UD),
	ROW("getsec", "\x0f\x37", UD, UD),
	ROW("encls", "\x0f\x01\xcf", UD, UD),
	ROW("rsm", "\x0f\xaa", UD, UD),
	ROW("vmrun", "\x0f\x01\xd8", UD, UD_OR_GP),
	ROW("vmload", "\x0f\x01\xda", UD, UD_OR_GP),
	ROW("vmsave", "\x0f\x01\xdb", UD, UD_OR_GP),
	ROW("stgi", "\x0f\x01\xdc", UD, UD_OR_GP),
	ROW("clgi", "\x0f\x01\xdd", UD, UD_OR_GP),
	ROW("skinit", "\x0f\x01\xde", UD, UD_OR_GP),
	ROW("invlpga", "\x0f\x01\xdf", UD, UD_OR_GP),
	ROW("hypercall", "\x0f\x01\xd9", SKIPPED, UD),
	ROW("the other vendor's hypercall", "\x0f\x01\xc1", UD, UD),

	ROW("sysenter", "\x0f\x34", UD_OR_GP, UD_OR_GP),
	ROW("sysexit", "\x0f\x35", UD_OR_GP, UD_OR_GP),
	ROW("int $0x80", "\xcd\x80", 0x80, GP),
	ROW("int3", "\xcc", BP, BP),
	ROW("int1", "\xf1", DB, DB),
	ROW("into", "\xce", UD, UD),
	ROW("divide by zero", "\x31\xc9\xf7\xf1", DE, DE),
	ROW("lock nop", "\xf0\x90", UD, UD),
	/* 16 bytes of prefixes: longer than an instruction may be */
	ROW("an instruction too long", "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66"
	      "\x66\x90", GP, GP),
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
