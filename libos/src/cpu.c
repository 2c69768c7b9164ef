// SPDX-License-Identifier: MIT
/* The tables the CPU reads: GDT and TSS per thread, one IDT. */
#include "thread.h"

bool hypercall_is_vmcall;

#define GDT_CODE 0x00af9b000000ffffull  /* 64-bit, ring 0 */
#define GDT_DATA 0x00cf93000000ffffull
#define GDT_USER_CODE 0x00affb000000ffffull
#define GDT_USER_DATA 0x00cff3000000ffffull
#define STUB_SIZE 16

void cpu_tables_build(struct dune_thread *thread)
{
	uint64_t base = (uint64_t)&thread->tss;
	uint64_t limit = sizeof(thread->tss) - 1;

	thread->gdt[SELECTOR_CODE / 8] = GDT_CODE;
	thread->gdt[SELECTOR_DATA / 8] = GDT_DATA;
	thread->gdt[SELECTOR_USER / 8 + 1] = GDT_USER_DATA;
	thread->gdt[SELECTOR_USER / 8 + 2] = GDT_USER_CODE;
	thread->gdt[SELECTOR_TSS / 8] = limit | (base & 0xffffff) << 16 |
					0x8bull << 40 | (base >> 24 & 0xff) << 56;
	thread->gdt[SELECTOR_TSS / 8 + 1] = base >> 32;

	raw_zero(&thread->tss, sizeof(thread->tss));
	thread->tss.rsp[0] = (uint64_t)thread + TRAP_STACK_TOP;
	thread->tss.ist[0] = (uint64_t)thread + TRAP_STACK_TOP;
	thread->tss.ist[1] = (uint64_t)thread + FATAL_STACK_TOP;
	thread->tss.io_map = sizeof(thread->tss);
}

/* A data segment in ring 0 whose limit, in bytes, is the value. */
static uint64_t number_descriptor(uint64_t value)
{
	return (value & 0xffff) | (value >> 16 & 0xf) << 48 | 0x93ull << 40;
}

void cpu_pid_set(struct dune_thread *thread, long pid)
{
	uint64_t value = (uint64_t)pid;

	thread->gdt[SELECTOR_PID_HIGH / 8] = number_descriptor(value >> PID_LOW_BITS);
	thread->gdt[SELECTOR_PID_LOW / 8] =
		number_descriptor(value & ((1u << PID_LOW_BITS) - 1));
}

/*
 * Every vector has a stack of its own: C code in ring 0 keeps data in the red
 * zone below its stack pointer, where the CPU would push the frame.
 */
void cpu_idt_build(void)
{
	unsigned int vector;

	for (vector = 0; vector < 256; vector++) {
		uint64_t entry = (uint64_t)trap_stubs + vector * STUB_SIZE;
		bool fatal = vector == 2 || vector == 8 || vector == 18;
		bool ring3 = vector == 3 || vector == 4; /* INT3 and INTO ask for the right */

		dune_process.idt[vector] = (struct idt_gate){
			.offset_low = (uint16_t)entry,
			.offset_mid = (uint16_t)(entry >> 16),
			.offset_high = (uint32_t)(entry >> 32),
			.selector = SELECTOR_CODE,
			.ist = fatal ? 2 : 1,
			.type = ring3 ? 0xee : 0x8e, /* present, interrupt gate */
		};
	}
}
