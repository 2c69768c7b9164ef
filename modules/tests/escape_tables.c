// SPDX-License-Identifier: MIT
/* Garbage in GDT, LDT, IDT and TSS, and far transfers through it. */
#include <string.h>
#include <sys/mman.h>

#include "lib/bare.h"
#include "lib/ktap.h"

#define UD2 "\x0f\x0b"
#define CODE32 0x00cf9b000000ffffull
#define DATA_NOT_PRESENT 0x00cf13000000ffffull
#define SYSTEM_TYPE(type, dpl) ((0x80ull | (dpl) << 5 | (type)) << 40)
#define IDT_ERROR(vector) ((vector) * 8u + 2u)

static struct bare *bare;

#define LOAD(ring, code) (bare_reset(bare), bare_load(bare, ring, code, sizeof(code) - 1))

static bool trapped(struct bare_end end, int vector, uint32_t error_code)
{
	/* Bit 0 says that an event was on its way: CPUs and emulators differ in it. */
	if (!end.error && end.vector == vector && (end.error_code & ~1u) == error_code)
		return true;
	printf("# error %d, exit %u, hw %#llx, vector %d, error code %#x, rip %#lx, cr2 %#lx\n",
	       end.error, end.reason, bare->run->hw_reason, end.vector, end.error_code, end.rip,
	       end.cr2);
	return false;
}

static bool shut_down(struct bare_end end)
{
	return !end.error && end.reason == DUNE_EXIT_SHUTDOWN;
}

static void segments(void)
{
	LOAD(0, "\x8e\xd8");
	bare->run->regs.rax = BARE_GDT_FREE;
	bare_gdt(bare)[BARE_GDT_FREE / 8] = DATA_NOT_PRESENT;
	ktap_check(trapped(bare_run(bare), BARE_NP, BARE_GDT_FREE), "a segment that is not there");
	LOAD(0, "\x8e\xd8");
	bare->run->regs.rax = 0xfff8;
	bare->run->sregs.gdt_limit = 0x47;
	ktap_check(trapped(bare_run(bare), BARE_GP, 0xfff8), "a selector beyond the GDT");
	LOAD(0, "\x8e\xd8");
	bare->run->regs.rax = BARE_TR;
	ktap_check(trapped(bare_run(bare), BARE_GP, BARE_TR), "a TSS as data segment");
	LOAD(0, "\x8e\xd0"); /* mov %eax, %ss */
	bare->run->regs.rax = BARE_SS3;
	ktap_check(trapped(bare_run(bare), BARE_GP, BARE_SS3 & ~3u),
		   "a stack of ring 3 in ring 0");
	LOAD(3, "\x8e\xd0");
	ktap_check(trapped(bare_run(bare), BARE_GP, 0), "no stack in ring 3");
	LOAD(0, "\x0f\x00\xd0"); /* lldt %ax */
	bare->run->regs.rax = BARE_SS0;
	ktap_check(trapped(bare_run(bare), BARE_GP, BARE_SS0), "a data segment as LDT");
	LOAD(0, "\x0f\x00\xd8"); /* ltr %ax */
	bare->run->regs.rax = BARE_TR;
	ktap_check(trapped(bare_run(bare), BARE_GP, BARE_TR), "a busy TSS again");
	LOAD(0, "\x0f\x00\xd0\x8e\xd9"); /* lldt %ax; mov %ecx, %ds */
	bare->run->regs.rax = BARE_GDT_FREE;
	bare->run->regs.rcx = 4; /* entry 0 of the LDT */
	bare_gdt(bare)[BARE_GDT_FREE / 8] = SYSTEM_TYPE(2, 0) | 7 | 0x1000ull << 16;
	bare_gdt(bare)[BARE_GDT_FREE / 8 + 1] = 0;
	ktap_check(trapped(bare_run(bare), BARE_PF, 0), "an LDT in unmapped memory");
	LOAD(3, "\x0f\x00\xd0");
	ktap_check(trapped(bare_run(bare), BARE_GP, 0), "lldt in ring 3");
	LOAD(3, "\x0f\x00\xd8");
	ktap_check(trapped(bare_run(bare), BARE_GP, 0), "ltr in ring 3");
	LOAD(3, "\x0f\x01\x16"); /* lgdt (%rsi) */
	ktap_check(trapped(bare_run(bare), BARE_GP, 0), "lgdt in ring 3");
	LOAD(3, "\x0f\x01\x1e"); /* lidt (%rsi) */
	ktap_check(trapped(bare_run(bare), BARE_GP, 0), "lidt in ring 3");
	LOAD(3, "\x0f\x01\x06\x0f\x01\x0e\x0f\x00\xc8"); /* sgdt, sidt (%rsi); str %eax */
	ktap_check(bare_run(bare).reached_end, "sgdt, sidt and str in ring 3");
}

static void gates(void)
{
	LOAD(0, UD2);
	bare->run->sregs.idt_limit = 0;
	ktap_check(shut_down(bare_run(bare)), "no IDT is a shutdown");
	LOAD(0, UD2);
	bare->run->sregs.idt_base = 0x1000;
	ktap_check(shut_down(bare_run(bare)), "an IDT in unmapped memory is a shutdown");
	LOAD(0, UD2);
	bare_gate(bare, BARE_UD)[0] &= ~(0x80ull << 40);
	ktap_check(trapped(bare_run(bare), BARE_NP, IDT_ERROR(BARE_UD)),
		   "a gate that is not there");
	LOAD(0, UD2);
	bare_gate_set(bare, BARE_UD, 0, 0x85, BARE_TR, 0);
	ktap_check(trapped(bare_run(bare), BARE_GP, IDT_ERROR(BARE_UD)), "a task gate");
	LOAD(0, UD2);
	bare_gate_set(bare, BARE_UD, bare_at(bare, BARE_STUBS), 0x8e, 0, 0);
	ktap_check(trapped(bare_run(bare), BARE_GP, 0), "a gate to no segment");
	LOAD(0, UD2);
	bare_gate_set(bare, BARE_UD, bare_at(bare, BARE_STUBS), 0x8e, BARE_CS3, 0);
	ktap_check(trapped(bare_run(bare), BARE_GP, BARE_CS3 & ~3u), "a gate to ring 3");
	/* ud2; in ring 1: cpuid; int3. After an exit the CPU looks at what an event left in SS. */
	LOAD(3, UD2 "\x0f\xa2\xcc");
	bare_gdt(bare)[BARE_GDT_FREE / 8] = bare_gdt(bare)[BARE_CS0 / 8] | 1ull << 45;
	bare_gate_set(bare, BARE_UD, bare_at(bare, BARE_CODE) + 2, 0x8e, BARE_GDT_FREE, 1);
	ktap_check(trapped(bare_run(bare), BARE_BP, 0), "a gate to ring 1");
	LOAD(0, UD2);
	bare_gate_set(bare, BARE_UD, bare_at(bare, BARE_STUBS), 0x8e, BARE_SS0, 0);
	ktap_check(trapped(bare_run(bare), BARE_GP, BARE_SS0), "a gate to a data segment");
	LOAD(3, "\xcd\x21"); /* int $0x21 */
	ktap_check(trapped(bare_run(bare), BARE_GP, IDT_ERROR(0x21)),
		   "a gate that is not for ring 3");
	LOAD(0, UD2);
	munmap(bare->memory + BARE_IDT * BARE_PAGE, BARE_PAGE);
	ktap_check(!raw_run(bare->vcpu) && bare->run->exit_reason == DUNE_EXIT_FAULT &&
			   bare->run->fault.flags & DUNE_FAULT_EVENT,
		   "an IDT that the host has no more comes to user space");
	mmap(bare->memory + BARE_IDT * BARE_PAGE, BARE_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

/* ljmp *(%rsi), the operand a 32-bit offset and the selector. */
static void jump_to(int ring, uint16_t selector, uint64_t descriptor)
{
	LOAD(ring, "\xff\x2e");
	memset(bare->memory + BARE_DATA * BARE_PAGE, 0, 16);
	memcpy(bare->memory + BARE_DATA * BARE_PAGE + 4, &selector, 2);
	bare_gdt(bare)[BARE_GDT_FREE / 8] = descriptor;
}

static void far_transfers(void)
{
	uint64_t target = bare_at(bare, BARE_CODE_NEXT), *gdt = bare_gdt(bare);
	uint64_t *data = (uint64_t *)(bare->memory + BARE_DATA * BARE_PAGE);
	struct bare_end end;

	jump_to(0, 0, 0);
	ktap_check(trapped(bare_run(bare), BARE_GP, 0), "far jump to no segment");
	jump_to(0, BARE_SS0, 0);
	ktap_check(trapped(bare_run(bare), BARE_GP, BARE_SS0), "far jump to data");
	jump_to(0, BARE_CS3, 0);
	ktap_check(trapped(bare_run(bare), BARE_GP, BARE_CS3 & ~3u), "far jump from ring 0 to 3");
	jump_to(3, BARE_CS0, 0);
	ktap_check(trapped(bare_run(bare), BARE_GP, BARE_CS0), "far jump from ring 3 to 0");
	jump_to(0, BARE_TR, 0);
	ktap_check(trapped(bare_run(bare), BARE_GP, BARE_TR), "far jump to a TSS");
	jump_to(0, BARE_GDT_FREE, SYSTEM_TYPE(5, 0));
	ktap_check(trapped(bare_run(bare), BARE_GP, BARE_GDT_FREE), "far jump to a task gate");
	jump_to(0, 0xfff8, 0);
	bare->run->sregs.gdt_limit = 0x47;
	ktap_check(trapped(bare_run(bare), BARE_GP, 0xfff8), "far jump beyond the GDT");
	jump_to(0, BARE_GDT_FREE, CODE32);
	end = bare_run(bare);
	ktap_check(trapped(end, BARE_PF, 16) && end.cr2 == 0,
		   "32-bit code begins below 4 GiB, where nothing is");

	/* The guest's own call gate leads ring 3 into the guest's own ring 0. */
	LOAD(3, "\xff\x1e"); /* lcall *(%rsi) */
	data[0] = (uint64_t)BARE_GDT_FREE << 32;
	gdt[BARE_GDT_FREE / 8] = (target & 0xffff) | BARE_CS0 << 16 | SYSTEM_TYPE(0xcull, 3ull) |
				 (target >> 16 & 0xffff) << 48;
	gdt[BARE_GDT_FREE / 8 + 1] = target >> 32;
	memcpy((void *)target, bare->intel ? "\x0f\x01\xc1" : "\x0f\x01\xd9", 3);
	end = bare_run(bare);
	ktap_check(end.reason == DUNE_EXIT_SYSCALL && end.vector == BARE_NONE &&
			   end.rip == target + 3,
		   "a call gate of the guest's own");
	LOAD(3, "\xff\x1e");
	data[0] = (uint64_t)BARE_GDT_FREE << 32;
	gdt[BARE_GDT_FREE / 8] = BARE_CS0 << 16 | SYSTEM_TYPE(0xcull, 0ull);
	gdt[BARE_GDT_FREE / 8 + 1] = 0;
	ktap_check(trapped(bare_run(bare), BARE_GP, BARE_GDT_FREE),
		   "a call gate that is not for ring 3");
	/* iretq to ring 0 with a null stack segment, then to nowhere */
	LOAD(0, "\x6a\x00\x6a\x00\x6a\x02\x6a\x00\x6a\x00\x48\xcf");
	ktap_check(trapped(bare_run(bare), BARE_GP, 0), "iretq to no segment");
	LOAD(0, "\x48\xcb"); /* lretq */
	bare->run->regs.rsp = bare_at(bare, BARE_DATA);
	data[0] = target;
	data[1] = 0xffff;
	bare->run->sregs.gdt_limit = 0x47;
	ktap_check(trapped(bare_run(bare), BARE_GP, 0xfffc), "far return beyond the tables");
	LOAD(3, "\x0f\x05"); /* syscall */
	bare->run->sregs.lstar = target;
	bare->run->sregs.star = (uint64_t)BARE_CS0 << 32;
	memcpy((void *)target, bare->intel ? "\x0f\x01\xc1" : "\x0f\x01\xd9", 3);
	end = bare_run(bare);
	ktap_check(end.reason == DUNE_EXIT_SYSCALL && end.rip == target + 3 &&
			   bare->run->regs.rcx == bare_at(bare, BARE_CODE) + 2,
		   "syscall goes to the guest's own entry");
}

int main(void)
{
	bare = bare_create();
	ktap_plan(13 + 10 + 13);
	segments();
	gates();
	far_transfers();
	bare_destroy(bare);
	return ktap_exit_status();
}
