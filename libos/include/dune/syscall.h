/* SPDX-License-Identifier: MIT */
/* System calls of the process in Dune mode, seen and answered by the process. */
#ifndef DUNE_SYSCALL_H
#define DUNE_SYSCALL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A call that the program makes, before Linux sees it. */
struct dune_syscall {
	uint64_t nr;	  /* SYS_*; may be changed, as args may */
	uint64_t args[6];
	int64_t result;	  /* what the program gets with DUNE_SYSCALL_ANSWER: a value or -errno */
	uint64_t rip;	  /* after the instruction */
	uint64_t rsp;
};

enum dune_syscall_action {
	DUNE_SYSCALL_FORWARD = 0, /* Linux performs the call as it stands in the struct */
	DUNE_SYSCALL_ANSWER = 1,  /* it is done: result */
};

/*
 * Runs in ring 0 on the stack of the caller, which must have some kilobytes left.
 * Vector registers are saved around it. Calls that it makes itself are hooked
 * like any: use dune_syscall_forward() for those that must not be.
 */
typedef enum dune_syscall_action (*dune_syscall_hook)(struct dune_syscall *call, void *arg);

#define DUNE_SYSCALL_DEFAULT (-1) /* each number that has no hook of its own */

/*
 * Ask hook(call, arg) about each call number nr of every thread in Dune mode; NULL
 * forwards again. Threads on their way may still miss the change. -EINVAL: nr is
 * not DUNE_SYSCALL_DEFAULT and not 0..511.
 */
int dune_syscall_hook_set(int nr, dune_syscall_hook hook, void *arg);

/*
 * Have Linux perform the call, past all hooks: its value or -errno. In Dune mode
 * only (-EPERM). -ENOTSUP for those that do not return here: clone, vfork,
 * rt_sigreturn; return DUNE_SYSCALL_FORWARD from a hook for them.
 */
int64_t dune_syscall_forward(const struct dune_syscall *call);

/*
 * Copy from and to memory that the call names: -EFAULT, and no signal, where Linux
 * would say so. What another thread changes meanwhile changes: copy once, look at
 * the copy. size may be 0.
 */
int dune_syscall_read(void *to, uint64_t from, uint64_t size);
int dune_syscall_write(uint64_t to, const void *from, uint64_t size);

#ifdef __cplusplus
}
#endif
#endif
