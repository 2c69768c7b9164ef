/* SPDX-License-Identifier: MIT */
/* Code in ring 3 under a process in ring 0: enter it, and see what it wants. */
#ifndef DUNE_USER_H
#define DUNE_USER_H

#include <stddef.h>
#include <stdint.h>

#include <dune/trap.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Ring 3's registers. Zeroed, it is a fresh machine but for rip and rsp. Whoever
 * runs it owns it: one thread at a time.
 */
struct dune_user_state {
	/*
	 * In and out: general registers, rip below 2^47, rflags (of which a program's
	 * own bits are taken). cs and ss are set. Out, with DUNE_USER_TRAP: vector and
	 * error_code.
	 */
	struct dune_trap_frame regs;
	uint64_t fs_base, gs_base; /* in and out, below 2^47 */
	uint64_t fault_address;	   /* out, with vector 14: CR2 */
	/*
	 * NULL: ring 3 begins with the caller's vector registers and leaves it its
	 * own, as a function does. Else dune_user_vectors_size() bytes, a multiple of
	 * 64 in address, in which ring 3's are kept apart (XSAVE format; zeroed: a
	 * fresh machine's).
	 */
	void *vectors;
};

enum dune_user_reason {
	DUNE_USER_SYSCALL = 1, /* SYSCALL: number in rax, rip behind the instruction */
	DUNE_USER_TRAP = 2,    /* an exception, or a thread's interrupt, at rip */
	DUNE_USER_SIGNAL = 3,  /* a signal came; the process's handler has run: run it again */
};

/*
 * Run ring 3 from *state until it wants something: an enum dune_user_reason, with
 * *state as ring 3 was then; for a system call nobody has done anything yet. Ring 3
 * reaches the pages that dune_vm_protect() gave DUNE_PROT_USER, and no others.
 * Signal handlers of the process run in ring 0, on the stack of the caller. A handler
 * may itself run ring 3. -EPERM: not in Dune mode; -EINVAL: rip, a base or the
 * alignment of vectors.
 */
int dune_user_run(struct dune_user_state *state);

/* Bytes for dune_user_state.vectors on this CPU; 0 before dune_init(). */
size_t dune_user_vectors_size(void);

#ifdef __cplusplus
}
#endif
#endif
