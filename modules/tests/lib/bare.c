// SPDX-License-Identifier: MIT
/* The bare guest's memory, its start in either ring, and the reading of how it ended. */
#include "lib/bare.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/ktap.h"

#define STUB_BYTES 16
#define GATE_INTERRUPT 0x8e
#define GATE_INTERRUPT_USER 0xee
#define VECTOR_BP 3
#define VECTOR_OF 4
#define VECTOR_PF 14

/* Far from everything else, so that it has a slot and page tables of its own. */
#define BARE_ADDRESS 0x100004000000ul

static uint64_t *page(const struct bare *bare, unsigned int nr)
{
	return (uint64_t *)(bare->memory + nr * BARE_PAGE);
}

static uint64_t gpa(const struct bare *bare, unsigned int nr)
{
	return bare->gpa + nr * BARE_PAGE;
}

/* VMMCALL and VMCALL differ in one byte; code here is AMD's. */
static void vendor_fit(const struct bare *bare, unsigned char *code, size_t size)
{
	size_t i;

	for (i = 2; bare->intel && i < size; i++)
		if (code[i - 2] == 0x0f && code[i - 1] == 0x01 &&
		    (code[i] == 0xd9 || code[i] == 0xc1))
			code[i] ^= 0xd9 ^ 0xc1;
}

static void tables_fill(struct bare *bare)
{
	const uint64_t all = BARE_PRESENT | BARE_WRITE | BARE_USER;
	uint64_t base = (uint64_t)bare->memory;
	unsigned int i;

	for (i = BARE_ROOT; i <= BARE_PT; i++)
		memset(page(bare, i), 0, BARE_PAGE);
	page(bare, BARE_ROOT)[base >> 39 & 511] = gpa(bare, BARE_PDPT) | all;
	page(bare, BARE_PDPT)[base >> 30 & 511] = gpa(bare, BARE_PD) | all;
	page(bare, BARE_PD)[base >> 21 & 511] = gpa(bare, BARE_PT) | all;
	for (i = 0; i < 512; i++)
		if (i != BARE_GUARD0 && i != BARE_GUARD1 && i != BARE_GUARD2)
			*bare_entry(bare, i) = gpa(bare, i) | all;
}

static void segments_fill(struct bare *bare)
{
	uint64_t tss = bare_at(bare, BARE_TSS), *gdt = bare_gdt(bare);
	unsigned char *state = bare->memory + BARE_TSS * BARE_PAGE;
	uint64_t stack = bare_at(bare, BARE_TRAP + 1);

	memset(gdt, 0, BARE_PAGE);
	gdt[BARE_CS0 / 8] = 0x00af9b000000ffff;
	gdt[BARE_SS0 / 8] = 0x00cf93000000ffff;
	gdt[BARE_SS3 / 8] = 0x00cff3000000ffff;
	gdt[BARE_CS3 / 8] = 0x00affb000000ffff;
	gdt[BARE_TR / 8] = 103 | (tss & 0xffffff) << 16 | 0x8bull << 40 | (tss >> 24 & 0xff) << 56;
	gdt[BARE_TR / 8 + 1] = tss >> 32;

	memset(state, 0, BARE_PAGE);
	memcpy(state + 4, &stack, 8);  /* RSP0 */
	memcpy(state + 36, &stack, 8); /* IST 1 */
	state[102] = 104; /* the I/O permission map lies beyond the limit: no port */
}

void bare_gate_set(const struct bare *bare, unsigned int vector, uint64_t address,
		   unsigned int type_dpl, unsigned int selector, unsigned int ist)
{
	uint64_t *gate = bare_gate(bare, vector);

	gate[0] = (address & 0xffff) | (uint64_t)selector << 16 | (uint64_t)ist << 32 |
		  (uint64_t)type_dpl << 40 | (address >> 16 & 0xffff) << 48;
	gate[1] = address >> 32;
}

/*
 * A stub pushes its vector (a page fault's also CR2, above it) and gives the
 * vCPU back: the frame is found where rsp points, registers are untouched.
 */
static void stubs_fill(struct bare *bare)
{
	static const unsigned char cr2[] = {
		0x6a, VECTOR_PF,	/* push $14 */
		0x50,			/* push %rax */
		0x0f, 0x20, 0xd0,	/* mov %cr2, %rax */
		0x48, 0x87, 0x04, 0x24, /* xchg %rax, (%rsp) */
		0x0f, 0x01, 0xd9,	/* vmmcall */
		0xf4,
	};
	unsigned char *stubs = bare->memory + BARE_STUBS * BARE_PAGE;
	unsigned int vector;

	for (vector = 0; vector < 256; vector++) {
		unsigned char *stub = stubs + vector * STUB_BYTES;
		bool user = vector == VECTOR_BP || vector == VECTOR_OF;

		memcpy(stub, "\x68\0\0\0\0\x0f\x01\xd9\xf4", 9); /* push $vector; vmmcall */
		stub[1] = vector;
		if (vector == VECTOR_PF)
			memcpy(stub, cr2, sizeof(cr2));
		vendor_fit(bare, stub, STUB_BYTES);
		bare_gate_set(bare, vector, bare_at(bare, BARE_STUBS) + vector * STUB_BYTES,
			      user ? GATE_INTERRUPT_USER : GATE_INTERRUPT, BARE_CS0, 1);
	}
}

static void vcpu_open(struct bare *bare)
{
	bare->vcpu = raw_vcpu_create(bare->vm);
	bare->run = bare->vcpu < 0 ? NULL : raw_run_page(bare->vcpu);
	if (!bare->run)
		ktap_bail("no vCPU: %s", strerror(-bare->vcpu));
}

static void vcpu_close(struct bare *bare)
{
	munmap(bare->run, DUNE_RUN_PAGE_SIZE);
	close(bare->vcpu);
}

void bare_vcpu_renew(struct bare *bare)
{
	vcpu_close(bare);
	vcpu_open(bare);
}

void bare_reset(struct bare *bare)
{
	uint32_t reason = bare->run->exit_reason;

	/* It may be dead, or have an event on its way. */
	if (reason != DUNE_EXIT_NONE && reason != DUNE_EXIT_SYSCALL)
		bare_vcpu_renew(bare);
	tables_fill(bare);
	segments_fill(bare);
	stubs_fill(bare);
	bare->run->regs = (struct dune_regs){
		.rsp = bare_at(bare, BARE_STACK + 1),
		.rsi = bare_at(bare, BARE_DATA),
		.rdi = bare_at(bare, BARE_DATA),
		.rflags = 2,
	};
	bare->run->sregs = (struct dune_sregs){
		.cr3 = gpa(bare, BARE_ROOT),
		.gdt_base = bare_at(bare, BARE_GDT),
		.gdt_limit = BARE_PAGE - 1,
		.idt_base = bare_at(bare, BARE_IDT),
		.idt_limit = BARE_PAGE - 1,
		.tss_base = bare_at(bare, BARE_TSS),
		.tss_limit = 103,
		.cs = BARE_CS0,
		.ss = BARE_SS0,
		.tr = BARE_TR,
	};
	bare->run->flags = DUNE_RUN_SREGS;
}

struct bare *bare_create(void)
{
	struct dune_info info = { .size = sizeof(info) };
	struct bare *bare = calloc(1, sizeof(*bare));
	struct dune_slot slot;

	bare->device = open(DUNE_DEVICE_PATH, O_RDWR | O_CLOEXEC);
	if (bare->device < 0 || raw_request(bare->device, DUNE_GET_INFO, &info))
		ktap_bail("no " DUNE_DEVICE_PATH);
	bare->intel = info.backend == DUNE_BACKEND_VMX;
	bare->vm = raw_vm_create(bare->device);
	bare->memory = mmap((void *)BARE_ADDRESS, BARE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (bare->memory == MAP_FAILED) /* a second guest: anywhere in the next GiB */
		bare->memory = mmap((void *)(BARE_ADDRESS + BARE_BYTES), BARE_BYTES,
				    PROT_READ | PROT_WRITE | PROT_EXEC,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bare->vm < 0 || bare->memory == MAP_FAILED || (uint64_t)bare->memory % BARE_BYTES)
		ktap_bail("no VM or no memory for it");
	slot.hva = (uint64_t)bare->memory;
	if (raw_request(bare->vm, DUNE_VM_SLOT, &slot))
		ktap_bail("no slot");
	bare->gpa = slot.gpa + slot.hva % (1ul << DUNE_SLOT_SHIFT);
	vcpu_open(bare);
	bare_reset(bare);
	return bare;
}

void bare_destroy(struct bare *bare)
{
	vcpu_close(bare);
	munmap(bare->memory, BARE_BYTES);
	close(bare->vm);
	close(bare->device);
	free(bare);
}

void bare_load(struct bare *bare, int ring, const void *code, size_t size)
{
	unsigned char *to = bare->memory + BARE_CODE * BARE_PAGE;
	struct dune_regs *regs = &bare->run->regs;
	uint64_t *frame = page(bare, BARE_FRAME);

	if (size > 2 * BARE_PAGE - 8)
		ktap_bail("code of %zu bytes is too long", size);
	memset(to, 0xf4, 2 * BARE_PAGE); /* HLT: none gets through */
	memcpy(to, code, size);
	memcpy(to + size, "\x0f\x01\xd9", 3);
	vendor_fit(bare, to, size + 3);
	regs->rip = bare_at(bare, BARE_CODE);
	if (ring == 0)
		return;
	/* An IRETQ at the end of the frame's page takes it there. */
	memcpy(frame + 500, "\x48\xcf", 2);
	frame[0] = regs->rip;
	frame[1] = BARE_CS3;
	frame[2] = regs->rflags;
	frame[3] = regs->rsp;
	frame[4] = BARE_SS3;
	regs->rip = (uint64_t)(frame + 500);
	regs->rsp = (uint64_t)frame;
	regs->rflags = 2;
}

struct bare_end bare_end(const struct bare *bare, int error)
{
	const struct dune_regs *regs = &bare->run->regs;
	struct bare_end end = { .error = error, .vector = BARE_NONE };
	const uint64_t *frame = (const uint64_t *)regs->rsp;
	const unsigned char *before;

	if (error)
		return end;
	end.reason = bare->run->exit_reason;
	end.rip = regs->rip;
	end.rsp = regs->rsp;
	end.rflags = regs->rflags;
	if (end.reason != DUNE_EXIT_SYSCALL)
		return end;
	if (regs->rip - bare_at(bare, BARE_STUBS) < BARE_PAGE) {
		end.vector = (int)((regs->rip - bare_at(bare, BARE_STUBS)) / STUB_BYTES);
		if (end.vector == VECTOR_PF)
			end.cr2 = *frame++;
		frame++; /* the vector */
		if (bare_has_error_code(end.vector))
			end.error_code = (uint32_t)*frame++;
		end.rip = frame[0];
		end.cs = frame[1];
		end.rflags = frame[2];
		end.rsp = frame[3];
	}
	/* The hypercall behind the code: done in ring 0, an invalid opcode in ring 3. */
	if (end.rip - bare_at(bare, BARE_CODE) > 2 * BARE_PAGE - 4)
		return end;
	before = (const unsigned char *)end.rip;
	if (end.vector == 6 && end.cs == BARE_CS3 && before[0] == 0x0f && before[1] == 0x01 &&
	    before[2] == (bare->intel ? 0xc1 : 0xd9) && before[3] == 0xf4) {
		end.vector = BARE_NONE;
		end.reached_end = true;
	} else if (end.vector == BARE_NONE) {
		end.reached_end = true;
	}
	return end;
}

struct bare_end bare_run(struct bare *bare)
{
	return bare_end(bare, raw_run(bare->vcpu));
}

int bare_ask_run(int vcpu)
{
	return raw_request(vcpu, DUNE_VCPU_RUN, NULL);
}

int bare_ask_seek(int vcpu)
{
	return lseek(vcpu, 0, SEEK_SET) < 0 ? -errno : 0;
}

int bare_ask_sregs(int vcpu)
{
	return raw_request(vcpu, DUNE_VCPU_SREGS, NULL);
}

static void out(int signal)
{
	(void)signal;
}

int bare_until_busy(int vcpu, int (*ask)(int vcpu))
{
	const struct itimerval often = { { 0, 20000 }, { 0, 20000 } }, never = { 0 };
	const struct sigaction action = { .sa_handler = out };
	struct sigaction before;
	int i, ret = 0;

	sigaction(SIGALRM, &action, &before);
	setitimer(ITIMER_REAL, &often, NULL);
	for (i = 0; i < 2000 && ret != -EBUSY; i++)
		ret = ask(vcpu);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before, NULL);
	return ret;
}
