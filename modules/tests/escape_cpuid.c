// SPDX-License-Identifier: MIT
/* CPUID tells what the guest can use, in every ring, for any leaf. */
#include <cpuid.h>
#include <string.h>

#include "lib/probe.h"

struct leaf {
	uint32_t a, b, c, d;
};

static struct leaf leaf_read(int ring, uint32_t leaf, uint32_t subleaf)
{
	struct dune_regs *regs = probe_regs();
	struct leaf r = { 0 };

	regs->rax = leaf;
	regs->rcx = subleaf;
	if (RUN(ring, "runs", "cpuid"))
		r = (struct leaf){ regs->rax, regs->rbx, regs->rcx, regs->rdx };
	else
		ktap_bail("CPUID %#x did not run", leaf);
	bare_reset(probe_guest);
	return r;
}

static void hidden(int ring)
{
	struct leaf one = leaf_read(ring, 1, 0), seven = leaf_read(ring, 7, 0);
	struct leaf amd = leaf_read(ring, 0x80000001, 0);
	struct leaf mwait = leaf_read(ring, 5, 0), svm = leaf_read(ring, 0x8000000a, 0);

	ktap_check(!(one.c & 1u << 5), "ring %d, CPUID shows no VMX", ring);
	ktap_check(!(one.c & 1u << 3), "ring %d, CPUID shows no MONITOR", ring);
	ktap_check(!(one.c & 1u << 6), "ring %d, CPUID shows no SMX", ring);
	ktap_check(!(one.c & 1u << 21), "ring %d, CPUID shows no x2APIC", ring);
	ktap_check(!(one.c & 1u << 24), "ring %d, CPUID shows no TSC deadline", ring);
	ktap_check(one.c >> 31, "ring %d, CPUID shows a hypervisor", ring);
	ktap_check(!(amd.c & 1u << 2), "ring %d, CPUID shows no SVM", ring);
	ktap_check(!(amd.c & 1u << 12), "ring %d, CPUID shows no SKINIT", ring);
	ktap_check(!(amd.c & 1u << 29), "ring %d, CPUID shows no MONITORX", ring);
	ktap_check(!mwait.a && !mwait.b && !mwait.c && !mwait.d,
		   "ring %d, CPUID has no leaf of MWAIT", ring);
	ktap_check(!svm.a && !svm.b && !svm.c && !svm.d, "ring %d, CPUID has no leaf of SVM",
		   ring);
	ktap_check(!(seven.b & (1u << 7 | 1u << 20 | 1u << 10)),
		   "ring %d, CPUID shows no SMEP, SMAP, INVPCID", ring);
	ktap_check(!(seven.c & (1u << 2 | 1u << 3 | 1u << 4 | 1u << 7)),
		   "ring %d, CPUID shows no UMIP, PKU, CET", ring);
}

/* What is the same for every process may be seen as it is. */
static void shown(int ring)
{
	struct leaf zero = leaf_read(ring, 0, 0), here = leaf_read(ring, 0x40000000, 0);
	struct leaf empty = leaf_read(ring, 0x40000001, 0);
	struct leaf wild = leaf_read(ring, 0x40000000 | 0xff, ~0u);
	struct leaf last = leaf_read(ring, ~0u, ~0u);
	unsigned int a, b, c, d;

	__cpuid(0, a, b, c, d);
	ktap_check(zero.b == b && zero.c == c && zero.d == d,
		   "ring %d, CPUID's vendor is the host's",
		   ring);
	ktap_check(!memcmp(&here.b, "DuneDuneDune", 12), "ring %d, CPUID's hypervisor", ring);
	ktap_check(here.a == 0x40000000 && !empty.a && !empty.b && !wild.a && !wild.d,
		   "ring %d, CPUID has one hypervisor leaf", ring);
	__cpuid_count(~0u, ~0u, a, b, c, d);
	ktap_check(last.a == a && last.b == b && last.c == c,
		   "ring %d, CPUID of the last leaf", ring);
}

int main(void)
{
	ktap_plan(34);
	probe_init();
	hidden(0);
	hidden(3);
	shown(0);
	shown(3);
	return ktap_exit_status();
}
