/* SPDX-License-Identifier: MIT */
/* Exceptions of ring-0 code, delivered to C without the kernel. */
#ifndef DUNE_TRAP_H
#define DUNE_TRAP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Exceptions a program may care about; from 32 on are interrupts: INT n, dune/interrupt.h. */
enum dune_vector {
	DUNE_TRAP_DE = 0,  /* divide error */
	DUNE_TRAP_DB = 1,  /* debug */
	DUNE_TRAP_BP = 3,  /* breakpoint */
	DUNE_TRAP_UD = 6,  /* invalid opcode */
	DUNE_TRAP_GP = 13, /* general protection */
	DUNE_TRAP_PF = 14, /* page fault */
	DUNE_TRAP_AC = 17, /* alignment check */
};

/*
 * The interrupted state. A handler may change any register; rip and rsp are
 * where execution goes on. Vector registers are saved around the handler and
 * are not in here. The red zone below rsp is left alone.
 */
struct dune_trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error_code;
	uint64_t rip, cs, rflags, rsp, ss;
};

typedef void (*dune_trap_handler)(struct dune_trap_frame *frame, void *arg);

/*
 * Call handler(frame, arg) for vector, in every thread of the process, on the
 * interrupted stack, in ring 0, with IF clear; system calls are allowed in it. NULL restores
 * the default: a line on stderr and the signal Linux would have sent. -EINVAL:
 * vector is not 0..255, or one that libdune keeps (2, 8, 18).
 */
int dune_trap_set(unsigned int vector, dune_trap_handler handler, void *arg);

/* Bits of a page fault's error code. */
#define DUNE_PF_PRESENT (1u << 0)
#define DUNE_PF_WRITE (1u << 1)
#define DUNE_PF_USER (1u << 2)
#define DUNE_PF_FETCH (1u << 4)
/* Not the CPU's: the page tables allow it, the host does not (no mapping, or its protection). */
#define DUNE_PF_HOST (1u << 14)

typedef void (*dune_pgfault_handler)(uintptr_t address, uint32_t error_code,
				     struct dune_trap_frame *frame, void *arg);

/*
 * Call handler for page faults that are the program's business: on pages it
 * changed by dune_vm_protect(), and on addresses the host has nothing at. The
 * access is repeated when the handler returns. NULL restores the default.
 */
int dune_pgfault_set(dune_pgfault_handler handler, void *arg);

#ifdef __cplusplus
}
#endif
#endif
