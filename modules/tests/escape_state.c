// SPDX-License-Identifier: MIT
/* Garbage where the CPU reads its tables: descriptors, stacks, page tables, code at the edges. */
#include <string.h>
#include <sys/mman.h>

#include "lib/bare.h"
#include "lib/ktap.h"

#define UD2 "\x0f\x0b"
#define NONCANONICAL (1ul << 63)
#define PRESENT_ALL (BARE_PRESENT | BARE_WRITE | BARE_USER)

/* Of a page fault. */
#define PF_PRESENT 1u
#define PF_WRITE 2u
#define PF_USER 4u
#define PF_RESERVED 8u
#define PF_FETCH 16u

static struct bare *bare;

#define LOAD(ring, code) (bare_reset(bare), bare_load(bare, ring, code, sizeof(code) - 1))

static bool trapped(struct bare_end end, int vector, uint32_t error_code)
{
	if (!end.error && end.vector == vector && end.error_code == error_code)
		return true;
	printf("# error %d, exit %u, hw %#llx, vector %d, error code %#x, rip %#lx, cr2 %#lx\n",
	       end.error, end.reason, bare->run->hw_reason, end.vector, end.error_code, end.rip,
	       end.cr2);
	return false;
}

static bool faulted(struct bare_end end, uint32_t error_code, uint64_t address)
{
	return trapped(end, BARE_PF, error_code) && end.cr2 == address;
}

/* Whether such a fault counts as one of a present page, CPUs do not agree on. */
static bool reserved(struct bare_end end, uint64_t address)
{
	return end.vector == BARE_PF && (end.error_code | PF_PRESENT) ==
		(PF_PRESENT | PF_RESERVED) && end.cr2 == address;
}

static bool shut_down(struct bare_end end)
{
	return !end.error && end.reason == DUNE_EXIT_SHUTDOWN;
}

/* The vector's handler on the stack that is there, or on IST entry `ist`. */
static void gate_stack(unsigned int vector, unsigned int ist)
{
	bare_gate_set(bare, vector, bare_at(bare, BARE_STUBS) + vector * 16, 0x8e, BARE_CS0, ist);
}

static void ist_set(unsigned int ist, uint64_t stack)
{
	memcpy(bare->memory + BARE_TSS * BARE_PAGE + 28 + 8 * ist, &stack, 8);
}

static void stacks(void)
{
	struct bare_end end;

	LOAD(0, UD2);
	gate_stack(BARE_UD, 0);
	bare->run->regs.rsp = bare_at(bare, BARE_GUARD1 + 1);
	end = bare_run(bare);
	ktap_check(trapped(end, BARE_PF, PF_WRITE) &&
			   end.cr2 - bare_at(bare, BARE_GUARD1) < BARE_PAGE,
		   "frame on an unmapped stack is a page fault");
	LOAD(0, UD2);
	gate_stack(BARE_UD, 0);
	*bare_entry(bare, BARE_STACK) &= ~BARE_WRITE;
	end = bare_run(bare);
	ktap_check(trapped(end, BARE_PF, PF_PRESENT | PF_WRITE),
		   "frame on a read-only stack is a page fault");
	LOAD(0, UD2);
	gate_stack(BARE_UD, 0);
	gate_stack(BARE_PF, 0);
	bare->run->regs.rsp = bare_at(bare, BARE_GUARD1 + 1);
	ktap_check(trapped(bare_run(bare), BARE_DF, 0), "a fault of that is a double fault");
	LOAD(0, UD2);
	gate_stack(BARE_UD, 0);
	gate_stack(BARE_PF, 0);
	gate_stack(BARE_DF, 0);
	bare->run->regs.rsp = bare_at(bare, BARE_GUARD1 + 1);
	ktap_check(shut_down(bare_run(bare)), "a fault of that is a shutdown");
	LOAD(0, "\x50");
	bare->run->regs.rsp = NONCANONICAL;
	ktap_check(trapped(bare_run(bare), BARE_SS, 0), "push on a stack beyond canonical");
	LOAD(0, UD2);
	gate_stack(BARE_UD, 2);
	ist_set(2, NONCANONICAL);
	/* CPUs differ in whether the error code names the stack's selector. */
	ktap_check(bare_run(bare).vector == BARE_SS, "frame on a stack beyond canonical");
	LOAD(3, UD2);
	gate_stack(BARE_UD, 0);
	memset(bare->memory + BARE_TSS * BARE_PAGE + 4, 0xff, 8); /* RSP0 */
	bare->memory[BARE_TSS * BARE_PAGE + 11] = 0x12;
	ktap_check(bare_run(bare).vector == BARE_SS, "from ring 3 to such a stack");
}

/* The host takes the stack away: the event waits until the page is back. */
static void host_stacks(void)
{
	unsigned char *trap = bare->memory + BARE_TRAP * BARE_PAGE;
	struct bare_end end;

	LOAD(0, UD2);
	mprotect(trap, BARE_PAGE, PROT_READ);
	end = bare_run(bare);
	ktap_check(!end.error && end.reason == DUNE_EXIT_FAULT &&
			   bare->run->fault.hva / BARE_PAGE == (uint64_t)trap / BARE_PAGE &&
			   bare->run->fault.flags == (DUNE_FAULT_WRITE | DUNE_FAULT_EVENT) &&
			   bare->run->flags == DUNE_RUN_EVENT_WAITS,
		   "frame on a stack that the host write-protects comes to user space");
	bare->run->flags = DUNE_RUN_EVENT;
	bare->run->event = (struct dune_event){ .vector = BARE_GP };
	ktap_check(raw_run(bare->vcpu) == -EBUSY, "meanwhile no other event is taken");
	bare->run->flags = DUNE_RUN_EVENT_WAITS; /* means nothing as input */
	mprotect(trap, BARE_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
	ktap_check(trapped(bare_run(bare), BARE_UD, 0),
		   "writable again, the exception is delivered");
	LOAD(0, UD2);
	munmap(trap, BARE_PAGE);
	end = bare_run(bare);
	ktap_check(!end.error && end.reason == DUNE_EXIT_FAULT &&
			   bare->run->fault.flags & DUNE_FAULT_EVENT,
		   "frame on memory that is gone comes to user space");
	mmap(trap, BARE_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ktap_check(trapped(bare_run(bare), BARE_UD, 0),
		   "mapped again, the exception is delivered");
}

static void control_flow(void)
{
	LOAD(0, "\xff\xe0"); /* jmp *%rax */
	bare->run->regs.rax = NONCANONICAL;
	ktap_check(trapped(bare_run(bare), BARE_GP, 0), "jump beyond canonical");
	LOAD(3, "\xff\xe0");
	bare->run->regs.rax = 0xffff800000000000;
	ktap_check(faulted(bare_run(bare), PF_USER | PF_FETCH, 0xffff800000000000),
		   "ring 3 jumps to the upper half");
	LOAD(0, "\x50\xc3"); /* push %rax; ret */
	bare->run->regs.rax = 1ul << 47;
	ktap_check(trapped(bare_run(bare), BARE_GP, 0), "return beyond canonical");
	/*
	 * movb $0x90, 0xff(%rip); movw $0x0b0f, (%rip). The first makes the page's TLB
	 * entry: QEMU (7.2), walking nested tables for a store, forgets that the page is
	 * the one it executes.
	 */
	LOAD(0, "\xc6\x05\xff\0\0\0\x90\x66\xc7\x05\0\0\0\0\x0f\x0b\x90\x90");
	ktap_check(trapped(bare_run(bare), BARE_UD, 0), "code that changes its next instruction");
	LOAD(0, "");
	bare->run->regs.rip = bare_at(bare, BARE_CODE_NEXT) - 2;
	*bare_entry(bare, BARE_CODE_NEXT) = 0;
	memcpy(bare->memory + BARE_CODE_NEXT * BARE_PAGE - 2, "\x48\xb8", 2);
	ktap_check(faulted(bare_run(bare), PF_FETCH, bare_at(bare, BARE_CODE_NEXT)),
		   "an instruction that crosses into an unmapped page");
	LOAD(0, "");
	bare->run->regs.rip = bare_at(bare, BARE_CODE_NEXT) - 2;
	memcpy(bare->memory + BARE_CODE_NEXT * BARE_PAGE - 2,
	       "\x48\xb8\1\2\3\4\5\6\7\x08\x0f\x01\xd9", 13);
	if (bare->intel)
		bare->memory[BARE_CODE_NEXT * BARE_PAGE + 10] = 0xc1;
	ktap_check(bare_run(bare).reached_end && bare->run->regs.rax == 0x0807060504030201,
		   "an instruction on two pages");
	LOAD(0, "");
	bare->run->regs.rip = bare_at(bare, BARE_CODE_NEXT);
	mprotect(bare->memory + BARE_CODE_NEXT * BARE_PAGE, BARE_PAGE, PROT_READ | PROT_WRITE);
	ktap_check(!raw_run(bare->vcpu) && bare->run->exit_reason == DUNE_EXIT_FAULT &&
			   bare->run->fault.flags == DUNE_FAULT_EXEC,
		   "code where the host allows none");
	mprotect(bare->memory + BARE_CODE_NEXT * BARE_PAGE, BARE_PAGE,
		 PROT_READ | PROT_WRITE | PROT_EXEC);
}

static void page_tables(void)
{
	uint64_t *root = (uint64_t *)(bare->memory + BARE_ROOT * BARE_PAGE);
	uint64_t *directory = (uint64_t *)(bare->memory + BARE_PD * BARE_PAGE);
	unsigned int top = bare_at(bare, 0) >> 39 & 511;

	LOAD(3, "\x8a\x06"); /* mov (%rsi), %al */
	*bare_entry(bare, BARE_DATA) &= ~BARE_USER;
	ktap_check(faulted(bare_run(bare), PF_PRESENT | PF_USER, bare_at(bare, BARE_DATA)),
		   "ring 3 reads a page of ring 0");
	LOAD(0, "\x88\x06"); /* mov %al, (%rsi) */
	*bare_entry(bare, BARE_DATA) &= ~BARE_WRITE;
	ktap_check(faulted(bare_run(bare), PF_PRESENT | PF_WRITE, bare_at(bare, BARE_DATA)),
		   "ring 0 writes a read-only page");
	LOAD(0, "\xff\xe6"); /* jmp *%rsi */
	*bare_entry(bare, BARE_DATA) |= BARE_NX;
	ktap_check(faulted(bare_run(bare), PF_PRESENT | PF_FETCH, bare_at(bare, BARE_DATA)),
		   "ring 0 jumps to a page without code");
	LOAD(3, "\xff\xe6");
	*bare_entry(bare, BARE_DATA) |= BARE_NX;
	ktap_check(faulted(bare_run(bare), PF_PRESENT | PF_FETCH | PF_USER,
			   bare_at(bare, BARE_DATA)),
		   "ring 3 jumps to a page without code");
	LOAD(0, "\x8a\x06");
	*bare_entry(bare, BARE_DATA) |= 1ul << 51;
	ktap_check(reserved(bare_run(bare), bare_at(bare, BARE_DATA)),
		   "an entry beyond MAXPHYADDR");
	LOAD(0, "\x8a\x06");
	directory[(bare_at(bare, 0) >> 21 & 511) + 1] = (bare->gpa & ~0x1ffffful) | 0x2080 |
							PRESENT_ALL;
	bare->run->regs.rsi = bare_at(bare, 0) + BARE_BYTES;
	ktap_check(reserved(bare_run(bare), bare_at(bare, 0) + BARE_BYTES),
		   "a large page that is not aligned");
	LOAD(0, "\x8a\x06");
	root[top + 1] = bare->gpa | 0x80 | PRESENT_ALL;
	bare->run->regs.rsi = bare_at(bare, 0) + (1ul << 39);
	ktap_check(reserved(bare_run(bare), bare_at(bare, 0) + (1ul << 39)),
		   "a large page at the top level");
	LOAD(0, "\x48\x8b\x06"); /* mov (%rsi), %rax */
	root[511] = bare->run->sregs.cr3 | PRESENT_ALL;
	bare->run->regs.rsi = ~0ul << 12 | 8 * 511; /* the table that maps itself, its last entry */
	ktap_check(bare_run(bare).reached_end &&
			   (bare->run->regs.rax & ~0x60ul) == (bare->run->sregs.cr3 | PRESENT_ALL),
		   "a table that maps itself");
	LOAD(0, "\x8a\x06");
	*bare_entry(bare, BARE_DATA) = 1ul << 38 | PRESENT_ALL;
	ktap_check(!raw_run(bare->vcpu) && bare->run->exit_reason == DUNE_EXIT_FAULT &&
			   bare->run->fault.gpa == 1ul << 38 &&
			   bare->run->fault.flags == DUNE_FAULT_NO_SLOT,
		   "a page beyond the slots comes to user space");
	LOAD(0, "\x0f\x22\xd8"); /* mov %rax, %cr3 */
	bare->run->regs.rax = 1ul << 38;
	ktap_check(!raw_run(bare->vcpu) && bare->run->exit_reason == DUNE_EXIT_FAULT &&
			   bare->run->fault.flags & DUNE_FAULT_NO_SLOT &&
			   bare->run->fault.flags & DUNE_FAULT_TABLE,
		   "page tables beyond the slots come to user space");
	LOAD(0, "\x0f\x22\xd8");
	bare->run->regs.rax = 1ul << 51;
	ktap_check(trapped(bare_run(bare), BARE_GP, 0), "CR3 beyond MAXPHYADDR");
}

/* Where the CPU has none these bits say how tables are cached; they stay as they are too. */
static void context_identifiers(void)
{
	LOAD(0, "\x0f\x20\xd8"	   /* mov %cr3, %rax */
		"\x48\x83\xc8\x18" /* or $0x18, %rax */
		"\x0f\x22\xd8"	   /* mov %rax, %cr3 */
		"\x31\xc0\x0f\xa2" /* cpuid: out and in again */
		"\x0f\x20\xd8"	   /* mov %cr3, %rax */
		"\x8a\x16");	   /* mov (%rsi), %dl */
	ktap_check(bare_run(bare).reached_end && (bare->run->regs.rax & 0xfff) == 0x18,
		   "a PCID outlives an exit");
	ktap_check(!raw_request(bare->vcpu, DUNE_VCPU_SREGS, NULL) &&
			   (bare->run->sregs.cr3 & 0xfff) == 0x18,
		   "a PCID is told to user space");
	/* CR4 as Linux has it decides: the guest cannot have another opinion. */
	LOAD(0, "\x0f\x20\xe0"); /* mov %cr4, %rax */
	ktap_check(bare_run(bare).reached_end &&
			   (bare->run->regs.rax >> 17 & 1) == bare_pcid(),
		   "PCIDs are the guest's where they are the host's");
}

int main(void)
{
	bare = bare_create();
	ktap_plan(7 + 5 + 7 + 11 + 3);
	stacks();
	host_stacks();
	control_flow();
	page_tables();
	context_identifiers();
	bare_destroy(bare);
	return ktap_exit_status();
}
