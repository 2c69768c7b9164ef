// SPDX-License-Identifier: MIT
/* Charges the clock of a CPU for what happens to it. */

#include <stdio.h>

#include "bochs.h"
#include "cpu/cpu.h"

#include "counts.h"

bx_costs_t bx_costs;
bx_counts_t bx_counts;

// An instruction that is intercepted costs its exit only: what it was charged is taken back.
static struct {
	Bit64u icount;
	unsigned units;
} last[BX_MAX_SMP_THREADS_SUPPORTED];

bool bx_charged_instruction(bxInstruction_c *i)
{
	return bx_costs.instruction[i->getIaOpcode()] != 0;
}

void bx_charge_instruction(unsigned cpu, bxInstruction_c *i)
{
	BX_CPU_C *c = BX_CPU(cpu);

	bx_counts.instruction[i->getIaOpcode()]++;
	last[cpu].icount = c->icount;
	last[cpu].units = bx_costs.instruction[i->getIaOpcode()];
	c->charge_units(last[cpu].units);
}

// Each iteration was counted as an instruction.
void bx_charge_iterations(unsigned cpu, bxInstruction_c *i, Bit64u n)
{
	unsigned size = bx_costs.string_size[i->getIaOpcode()];

	if (size && bx_costs.string_byte)
		BX_CPU(cpu)->charge_units(n * size * bx_costs.string_byte - n * bx_clock_num);
}

void bx_charge_vmexit(unsigned cpu, unsigned reason)
{
	BX_CPU_C *c = BX_CPU(cpu);

	bx_counts.exits++;
	if (last[cpu].units && last[cpu].icount == c->icount) {
		c->charge_units(-(Bit64u) last[cpu].units);
		last[cpu].units = 0;
	}
	c->charge_units(reason < 0x1000 ? bx_costs.exit[reason] : bx_costs.exit_other);
}

void bx_charge_vmentry(unsigned cpu)
{
	bx_counts.entries++;
	BX_CPU(cpu)->charge_units(bx_costs.entry);
}

void bx_charge_delivery(unsigned cpu, unsigned type)
{
	switch (type) {
	case BX_EXTERNAL_INTERRUPT:
	case BX_NMI:
		bx_counts.interrupts++;
		BX_CPU(cpu)->charge_units(bx_costs.interrupt);
		break;
	case BX_HARDWARE_EXCEPTION:
		bx_counts.exceptions++;
		BX_CPU(cpu)->charge_units(bx_costs.exception);
		break;
	default:
		bx_counts.soft_interrupts++;
		BX_CPU(cpu)->charge_units(bx_costs.soft_interrupt);
	}
}

void bx_charge_ipi(unsigned cpu)
{
	bx_counts.ipis++;
	BX_CPU(cpu)->charge_units(bx_costs.ipi);
}

void bx_costs_exit(void)
{
	const bx_counts_t &n = bx_counts;

	if (!bx_costs.on)
		return;
	fprintf(stderr, "costs: exits %llu entries %llu interrupts %llu exceptions %llu soft %llu "
		"ipis %llu walks %llu references %llu nested %llu hits %llu\n",
		(unsigned long long) n.exits, (unsigned long long) n.entries, (unsigned long long) n.interrupts,
		(unsigned long long) n.exceptions, (unsigned long long) n.soft_interrupts,
		(unsigned long long) n.ipis, (unsigned long long) n.walks,
		(unsigned long long) n.references, (unsigned long long) n.nested_references,
		(unsigned long long) n.hits);
	if (bx_costs.caches)
		fprintf(stderr, "costs: lines %llu not in the first level %llu not in the second %llu\n",
			(unsigned long long) n.lines, (unsigned long long) n.second,
			(unsigned long long) n.memory);
	bx_counts_print_instructions();
}
