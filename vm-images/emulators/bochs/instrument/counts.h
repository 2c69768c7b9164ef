// SPDX-License-Identifier: MIT
/* What was charged for, over a whole boot: told when the emulator ends. */

#ifndef COSTS_COUNTS_H
#define COSTS_COUNTS_H

struct bx_counts_t {
	Bit64u exits, entries, interrupts, exceptions, soft_interrupts, ipis;
	Bit64u *instruction; // charged for on their own, by opcode number
	Bit64u walks, references, nested_references; // misses of the TLB, and what they read
	Bit64u lines, second, memory; // looked up in the caches; not in the first; not in any
	Bit64u hits; // translations that Bochs had to look up and the modelled TLB had
};
extern bx_counts_t bx_counts;

// Writes the counts of instructions by the names that profiles have for them.
void bx_counts_print_instructions(void);

#endif
