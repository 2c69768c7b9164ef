/* SPDX-License-Identifier: MIT */
/*
 * The guest that KVM and dune.ko both run: ring 0, 64-bit, this program's own
 * code, the first GiB of its address space mapped to itself. Exceptions have no
 * handler, but the page fault of JOB_PTE: one ends the guest.
 */
#ifndef MICRO_GUEST_H
#define MICRO_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "micro/series.h"

#define GUEST_BYTES (1ul << 30)
#define GUEST_CS 0x10
#define GUEST_SS 0x18
#define GUEST_TR 0x38

/* What the guest shall time; it says that it is done by a hypercall or port output. */
enum job_kind {
	JOB_NOTHING,
	JOB_CPUID,
	JOB_VMCALL,
	JOB_VMMCALL,
	JOB_OUT,
	JOB_RDMSR,	 /* of the APIC's base, which KVM answers in the kernel */
	JOB_TOUCH,	 /* a page after the other */
	JOB_TOUCH_LARGE, /* of 2 MiB */
	JOB_CR3,	 /* load it */
	JOB_PTE,	 /* take a page's right to write, write, and give it in the handler */
};

struct job {
	enum job_kind kind;
	uint64_t batches, iterations;
	char *area;	 /* what is touched */
	uint64_t *table; /* JOB_PTE: the page table that maps it */
	uint64_t ticks[BATCHES_MAX];
};

/* One allocation in the area: it stays until guest_free(). */
struct guest {
	/* Root, directory pointers, directory of 2 MiB pages; the area's first 2 MiB by pages. */
	uint64_t tables[4][512];
	uint64_t gdt[512];
	uint64_t idt[512];
	struct job job;
	char stack[8192] __attribute__((aligned(4096)));
};

struct guest *guest_make(void);
void guest_free(struct guest *guest);

/* Runs guest->job in ring 0, then waits in a loop of JOB_DONE exits. */
#define JOB_DONE 0xd02e /* in eax of the last exit */
_Noreturn void guest_main(struct job *job, enum job_kind exit);

/* The handler of page faults. */
extern const char guest_page_fault[];

/* Where guest_main() begins: stack pointer as behind a call. */
static inline uint64_t guest_sp(struct guest *guest)
{
	return (uint64_t)guest->stack + sizeof(guest->stack) - 8;
}

/* Run guest->job to its end on some hypervisor. */
typedef void (*job_run_fn)(struct guest *guest);

/* The rows that every hypervisor has: an exit that its kernel handles, and nested faults. */
void guest_exit_series(const char *name, const struct plan *plan, struct guest *guest,
		       enum job_kind kind, job_run_fn run);
/* present: the host has written to the pages before. */
void guest_fault_series(const char *name, const struct plan *plan, struct guest *guest,
			bool present, job_run_fn run);
/* As fault_series(), by 2 MiB. */
void guest_large_series(const char *name, const struct plan *plan, struct guest *guest,
			bool present, job_run_fn run);
/* A page fault that stays within the guest, with the change of one entry. */
void guest_pte_series(const char *name, const struct plan *plan, struct guest *guest,
		      job_run_fn run);

#endif
