// SPDX-License-Identifier: MIT
/* Port I/O of every size and kind reaches no port, whatever the guest allows itself. */
#include <string.h>

#include "lib/probe.h"

#define REP_ADDRESS "mov $2, %%ecx\n\t"

/* Every instruction with ports: one check each. */
#define EVERY(check)                                                          \
	check("in al, imm", "in $0x80, %%al");                                \
	check("in ax, imm", "in $0x80, %%ax");                                \
	check("in eax, imm", "in $0x80, %%eax");                              \
	check("in al, dx", "mov $0x3f8, %%edx\n\tin %%dx, %%al");             \
	check("in ax, dx", "mov $0x3f8, %%edx\n\tin %%dx, %%ax");             \
	check("in eax, dx", "mov $0xcfc, %%edx\n\tin %%dx, %%eax");           \
	check("out imm, al", "out %%al, $0x80");                              \
	check("out imm, ax", "out %%ax, $0x80");                              \
	check("out imm, eax", "out %%eax, $0x80");                            \
	check("out dx, al", "mov $0x64, %%edx\n\tmov $0xfe, %%al\n\tout %%al, %%dx"); \
	check("out dx, ax", "mov $0x604, %%edx\n\tmov $0x2000, %%ax\n\tout %%ax, %%dx"); \
	check("out dx, eax", "mov $0xcf8, %%edx\n\tout %%eax, %%dx");         \
	check("insb", "mov $0x60, %%edx\n\tinsb");                            \
	check("insw", "mov $0x1f0, %%edx\n\tinsw");                           \
	check("insl", "mov $0x1f0, %%edx\n\tinsl");                           \
	check("outsb", "mov $0x60, %%edx\n\toutsb");                          \
	check("outsw", "mov $0x1f0, %%edx\n\toutsw");                         \
	check("outsl", "mov $0x1f0, %%edx\n\toutsl");                         \
	check("rep insb", REP_ADDRESS "mov $0x60, %%edx\n\trep insb");        \
	check("rep outsl", REP_ADDRESS "mov $0x1f0, %%edx\n\trep outsl");     \
	check("the reset port", "mov $0xcf9, %%edx\n\tmov $6, %%al\n\tout %%al, %%dx"); \
	check("the last port", "mov $0xffff, %%edx\n\tout %%eax, %%dx")

#define KERNEL(name, text) RING(0, name, "#GP(0)", text)
#define USER(name, text) RING(3, name, "#GP(0)", text)

/* The guest's own kernel would let it: the host does not. */
#define USER_IOPL(name, text)                             \
	do {                                              \
		probe_regs()->rflags |= 0x3000;           \
		RING(3, "IOPL 3, " name, "#GP(0)", text); \
	} while (0)

#define USER_MAP(name, text)                                             \
	do {                                                             \
		map_open();                                              \
		RING(3, "permission map, " name, "#GP(0)", text);        \
	} while (0)

/* Every port allowed by the TSS. */
static void map_open(void)
{
	unsigned char *tss = (unsigned char *)bare_at(probe_guest, BARE_TSS);

	tss[102] = 104;
	tss[BARE_PAGE - 1] = 0xff;
	probe_sregs()->tss_limit = BARE_PAGE - 1;
}

static void flags(void)
{
	RING(0, "cli and sti", "runs", "cli\n\tsti\n\tcli");
	RING(3, "cli", "#GP(0)", "cli");
	RING(3, "sti", "#GP(0)", "sti");
	probe_regs()->rflags |= 0x3000;
	RING(3, "IOPL 3, cli and sti", "runs", "cli\n\tsti");
	ktap_check(RUN(3, "runs", "push $0x3002\n\tpopf") && !(probe_last.rflags & 0x3000),
		   "ring 3, popf raises no IOPL");
	bare_reset(probe_guest);
}

int main(void)
{
	ktap_plan(93);
	probe_init();
	EVERY(KERNEL);
	EVERY(USER);
	EVERY(USER_IOPL);
	EVERY(USER_MAP);
	flags();
	return ktap_exit_status();
}
