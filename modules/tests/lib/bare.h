/* SPDX-License-Identifier: MIT */
/*
 * A bare guest on the module's own interface: 2 MiB of memory mapped to itself
 * by 4 KiB pages that a test may edit, a GDT, a TSS, and an IDT whose every
 * vector records what happened and gives the vCPU back. It runs a few bytes of
 * code in ring 0 or 3 and says in neutral terms how that ended.
 */
#ifndef TESTS_BARE_H
#define TESTS_BARE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/raw.h"

#define BARE_PAGE 4096ul
#define BARE_BYTES (2ul << 20)

/* Pages of the guest's memory. What is not named is mapped and free. */
enum bare_page {
	BARE_ROOT,    /* page tables, all four levels */
	BARE_PDPT,
	BARE_PD,
	BARE_PT,      /* entry i maps page i */
	BARE_GDT,
	BARE_TSS,
	BARE_IDT,
	BARE_STUBS,   /* 16 bytes a vector */
	BARE_FRAME,   /* from which ring 3 is entered */
	BARE_GUARD0,  /* not present, as each guard */
	BARE_TRAP,    /* stack of exceptions (IST 1) */
	BARE_GUARD1,
	BARE_STACK,   /* of the code */
	BARE_GUARD2,
	BARE_CODE = 16,
	BARE_CODE_NEXT,
	BARE_DATA,    /* its address is in rsi and rdi */
	BARE_DATA_NEXT,
	BARE_FREE,
};

/* Selectors: flat segments. */
#define BARE_CS0 0x10
#define BARE_SS0 0x18
#define BARE_SS3 0x2b
#define BARE_CS3 0x33
#define BARE_TR 0x38
#define BARE_GDT_FREE 0x48 /* the first entry that tests may fill */

#define BARE_PRESENT 1ul
#define BARE_WRITE 2ul
#define BARE_USER 4ul
#define BARE_NX (1ul << 63)

struct bare {
	int device, vm, vcpu;
	struct dune_run *run;
	unsigned char *memory; /* BARE_BYTES; guest virtual = host virtual */
	uint64_t gpa;	       /* guest-physical address of memory */
	bool intel;
};

/* How a run ended. */
struct bare_end {
	int error;	     /* -errno of the run; then nothing else is valid */
	uint32_t reason;     /* DUNE_EXIT_* */
	int vector;	     /* of the exception that was recorded, or BARE_NONE */
	bool reached_end;    /* the code ran to its last byte */
	uint32_t error_code; /* with the exception */
	uint64_t rip, cs, rflags, rsp, cr2;
};

#define BARE_NONE (-1)

/* Exceptions. */
enum bare_vector {
	BARE_DE = 0,
	BARE_DB = 1,
	BARE_BP = 3,
	BARE_UD = 6,
	BARE_DF = 8,
	BARE_NP = 11,
	BARE_SS = 12,
	BARE_GP = 13,
	BARE_PF = 14,
	BARE_AC = 17,
};

/* Whether CR3 has a process-context identifier. */
static inline bool bare_pcid(void)
{
	uint32_t a = 1, b, c = 0, d;

	asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c >> 17 & 1;
}

/* Exits the program (KTAP bail out) if the module refuses. */
struct bare *bare_create(void);
void bare_destroy(struct bare *bare);

/*
 * Everything as after bare_create(), with a new vCPU unless the old one left by a
 * hypercall: it may be dead or still have an event to deliver.
 */
void bare_reset(struct bare *bare);
void bare_vcpu_renew(struct bare *bare);

/*
 * Put code on BARE_CODE, with a hypercall behind it, and point the vCPU at it in
 * the ring (0 or 3); registers are otherwise run->regs as they are. Code is
 * written for AMD: on Intel VMMCALL (0f 01 d9) and VMCALL (0f 01 c1) change
 * places. Prepared sregs are loaded with it.
 */
void bare_load(struct bare *bare, int ring, const void *code, size_t size);
/* Run it until it ends; signals do not count. */
struct bare_end bare_run(struct bare *bare);
/* What the state of the vCPU says about a run that returned this. */
struct bare_end bare_end(const struct bare *bare, int error);

/* The requests that want a vCPU for themselves: 0 or -errno. */
int bare_ask_run(int vcpu);
int bare_ask_seek(int vcpu);
int bare_ask_sregs(int vcpu);
/*
 * Ask until the answer is -EBUSY, which it is to be of a vCPU that another thread runs over and
 * over; the last answer. Whenever that thread is preempted the vCPU is free for a moment, and
 * who gets in then has to get out: by SIGALRM.
 */
int bare_until_busy(int vcpu, int (*ask)(int vcpu));

/* Whether the exception pushes an error code. */
static inline bool bare_has_error_code(int vector)
{
	return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

/* Address of a page, and the entry that maps it. */
static inline uint64_t bare_at(const struct bare *bare, unsigned int page)
{
	return (uint64_t)bare->memory + page * BARE_PAGE;
}

static inline uint64_t *bare_entry(const struct bare *bare, unsigned int page)
{
	return (uint64_t *)(bare->memory + BARE_PT * BARE_PAGE) + page;
}

static inline uint64_t *bare_gdt(const struct bare *bare)
{
	return (uint64_t *)(bare->memory + BARE_GDT * BARE_PAGE);
}

/* Two words of a gate. */
static inline uint64_t *bare_gate(const struct bare *bare, unsigned int vector)
{
	return (uint64_t *)(bare->memory + BARE_IDT * BARE_PAGE) + 2ul * vector;
}

/* A gate to an address: type 0xe (interrupt), with privilege, selector and stack. */
void bare_gate_set(const struct bare *bare, unsigned int vector, uint64_t address,
		   unsigned int type_dpl, unsigned int selector, unsigned int ist);

#endif
