// SPDX-License-Identifier: MIT
/* Reads the profile that DUNELAB_COSTS names: lines of a name and numbers, all costs in clock units. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bochs.h"
#include "cpu/cpu.h"
#include "cpu/decoder/ia_opcodes.h"

#include "cache.h"
#include "counts.h"
#include "tlb.h"

#define OPCODE_LIST_END BX_IA_LAST  // an array by opcode number has this size

// The instructions that a profile may name.
static const struct {
	const char *name;
	int opcodes[8]; // 0 ends the list: it is no instruction's number
} groups[] = {
	{ "syscall", { BX_IA_SYSCALL } },
	{ "sysret", { BX_IA_SYSRET } },
	{ "iret", { BX_IA_IRET_Op16, BX_IA_IRET_Op32, BX_IA_IRET_Op64 } },
	{ "cpuid", { BX_IA_CPUID } },
	{ "rdtsc", { BX_IA_RDTSC } },
	{ "rdtscp", { BX_IA_RDTSCP } },
	{ "rdmsr", { BX_IA_RDMSR } },
	{ "wrmsr", { BX_IA_WRMSR } },
	{ "mov_to_cr0", { BX_IA_MOV_CR0Rd, BX_IA_MOV_CR0Rq } },
	{ "mov_to_cr3", { BX_IA_MOV_CR3Rd, BX_IA_MOV_CR3Rq } },
	{ "mov_to_cr4", { BX_IA_MOV_CR4Rd, BX_IA_MOV_CR4Rq } },
	{ "mov_from_cr", { BX_IA_MOV_RqCR0, BX_IA_MOV_RqCR2, BX_IA_MOV_RqCR3, BX_IA_MOV_RqCR4 } },
	{ "clts", { BX_IA_CLTS } },
	{ "invlpg", { BX_IA_INVLPG } },
	{ "invpcid", { BX_IA_INVPCID } },
	{ "invept", { BX_IA_INVEPT } },
	{ "invvpid", { BX_IA_INVVPID } },
	{ "invlpga", { BX_IA_INVLPGA } },
	{ "vmread", { BX_IA_VMREAD_EdGd, BX_IA_VMREAD_EqGq } },
	{ "vmwrite", { BX_IA_VMWRITE_GdEd, BX_IA_VMWRITE_GqEq } },
	{ "vmptrld", { BX_IA_VMPTRLD_Mq } },
	{ "vmclear", { BX_IA_VMCLEAR_Mq } },
	{ "vmload", { BX_IA_VMLOAD } },
	{ "vmsave", { BX_IA_VMSAVE } },
	{ "stgi", { BX_IA_STGI } },
	{ "clgi", { BX_IA_CLGI } },
	{ "xsave", { BX_IA_FXSAVE, BX_IA_XSAVE, BX_IA_XSAVEC, BX_IA_XSAVEOPT, BX_IA_XSAVES } },
	{ "xrstor", { BX_IA_FXRSTOR, BX_IA_XRSTOR, BX_IA_XRSTORS } },
	{ "swapgs", { BX_IA_SWAPGS } },
	{ "fsgsbase", { BX_IA_WRFSBASE_Eq, BX_IA_WRGSBASE_Eq, BX_IA_RDFSBASE_Eq, BX_IA_RDGSBASE_Eq } },
	{ "popf", { BX_IA_POPF_Fw, BX_IA_POPF_Fd, BX_IA_POPF_Fq } },
	{ "cli", { BX_IA_CLI } },
	{ "sti", { BX_IA_STI } },
	{ "stac", { BX_IA_STAC, BX_IA_CLAC } },
	{ "mov_to_sreg", { BX_IA_MOV_SwEw } },
	{ "lgdt", { BX_IA_LGDT_Ms, BX_IA_LGDT_Op64_Ms, BX_IA_LIDT_Ms, BX_IA_LIDT_Op64_Ms } },
	{ "ltr", { BX_IA_LTR_Ew, BX_IA_LLDT_Ew } },
	{ "pause", { BX_IA_PAUSE } },
	{ "mfence", { BX_IA_MFENCE } },
	{ "lfence", { BX_IA_LFENCE } },
	{ "div", { BX_IA_DIV_EAXEd, BX_IA_IDIV_EAXEd, BX_IA_DIV_RAXEq, BX_IA_IDIV_RAXEq } },
};

static void refuse(const char *path, const char *what)
{
	fprintf(stderr, "costs: %s: %s\n", path, what);
	exit(1);
}

static void set_instruction(const char *path, const char *name, unsigned units)
{
	for (unsigned g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		if (strcmp(groups[g].name, name))
			continue;
		for (unsigned n = 0; n < 8 && groups[g].opcodes[n]; n++)
			bx_costs.instruction[groups[g].opcodes[n]] = units;
		return;
	}
	refuse(path, name);
}

void bx_counts_print_instructions(void)
{
	fprintf(stderr, "costs: instructions");
	for (unsigned g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		Bit64u sum = 0;
		for (unsigned n = 0; n < 8 && groups[g].opcodes[n]; n++)
			sum += bx_counts.instruction[groups[g].opcodes[n]];
		if (sum)
			fprintf(stderr, " %s %llu", groups[g].name, (unsigned long long) sum);
	}
	fprintf(stderr, "\n");
}

static void set_exit(const char *path, const char *reason, unsigned units)
{
	char *end;
	unsigned long n = strtoul(reason, &end, 10);

	if (*end || n >= 0x1000)
		refuse(path, reason);
	bx_costs.exit[n] = units;
}

static bool set_number(const char *name, unsigned value)
{
	static const struct {
		const char *name;
		unsigned *place;
	} numbers[] = {
		{ "entry", &bx_costs.entry },
		{ "interrupt", &bx_costs.interrupt },
		{ "exception", &bx_costs.exception },
		{ "soft_interrupt", &bx_costs.soft_interrupt },
		{ "ipi", &bx_costs.ipi },
		{ "string_byte", &bx_costs.string_byte },
		{ "task_switch", &bx_costs.task_switch },
		{ "walk", &bx_costs.walk },
		{ "walk_reference", &bx_costs.walk_reference },
		{ "nested_reference", &bx_costs.nested_reference },
	};

	for (unsigned n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
		if (!strcmp(numbers[n].name, name)) {
			*numbers[n].place = value;
			return true;
		}
	}
	return false;
}

static void set_string_sizes(void)
{
	bx_costs.string_size[BX_IA_REP_MOVSB_YbXb] = bx_costs.string_size[BX_IA_REP_STOSB_YbAL] = 1;
	bx_costs.string_size[BX_IA_REP_MOVSW_YwXw] = bx_costs.string_size[BX_IA_REP_STOSW_YwAX] = 2;
	bx_costs.string_size[BX_IA_REP_MOVSD_YdXd] = bx_costs.string_size[BX_IA_REP_STOSD_YdEAX] = 4;
	bx_costs.string_size[BX_IA_REP_MOVSQ_YqXq] = bx_costs.string_size[BX_IA_REP_STOSQ_YqRAX] = 8;
}

void bx_costs_init(void)
{
	const char *path = getenv("DUNELAB_COSTS");
	if (!path || !*path || bx_costs.on)
		return;

	FILE *file = fopen(path, "r");
	if (!file)
		refuse(path, "cannot be opened");

	bx_costs.instruction = (unsigned *) calloc(OPCODE_LIST_END, sizeof(unsigned));
	bx_counts.instruction = (Bit64u *) calloc(OPCODE_LIST_END, sizeof(Bit64u));
	bx_costs.string_size = (Bit8u *) calloc(OPCODE_LIST_END, 1);
	set_string_sizes();

	char line[200], kind[40], name[40];
	unsigned a, b, c, d;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "clock %u %u", &a, &b) == 2 && a && b) {
			bx_clock_num = a;
			bx_clock_den = b;
		}
		else if (sscanf(line, "exit_default %u", &a) == 1) {
			for (unsigned n = 0; n < 0x1000; n++)
				bx_costs.exit[n] = a;
			bx_costs.exit_other = a;
		}
		else if (sscanf(line, "cache_line %u", &a) == 1 && bx_cache_line(a))
			;
		else if (sscanf(line, "cache_level %u %u %u %u", &a, &b, &c, &d) == 4 &&
				bx_cache_level(a, b, c, d))
			;
		else if (sscanf(line, "cache_memory %u", &a) == 1)
			bx_cache_memory(a);
		else if (sscanf(line, "%39s %39s %u", kind, name, &a) == 3 && !strcmp(kind, "exit"))
			set_exit(path, name, a);
		else if (sscanf(line, "%39s %39s %u", kind, name, &a) == 3 && !strcmp(kind, "instruction"))
			set_instruction(path, name, a);
		else if (sscanf(line, "%39s %u %u", name, &a, &b) == 3 && bx_tlb_configure(name, a, b))
			;
		else if (sscanf(line, "%39s %u", name, &a) == 2 && set_number(name, a))
			;
		else
			refuse(path, line);
	}
	fclose(file);
	if (!bx_cache_complete())
		refuse(path, "caches without a level, or without memory");
	bx_costs.on = true;
}
