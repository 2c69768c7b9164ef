/* SPDX-License-Identifier: MIT */
/* Interrupts from one thread of the process to another, without the kernel's signals. */
#ifndef DUNE_INTERRUPT_H
#define DUNE_INTERRUPT_H

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Interrupt the thread whose gettid() is tid, in Dune mode, with vector 32..255: it
 * calls the handler that dune_trap_set() has for the vector, wherever it is. It costs
 * the sender a system call, the receiver an exit. The sender may be in Linux mode, the
 * receiver itself, or in a handler. Returns when the interrupt is on its way.
 *
 * Not a queue: a vector that is on its way to a thread already is not counted twice,
 * and of several the highest comes first. A thread in a system call takes it when the
 * call is over: nothing is cut short. One that left Dune mode meanwhile takes it when
 * it next enters. If the handler is taken away meanwhile, the interrupt is dropped; so
 * is, from then on, INT n of a vector that was once sent and has no handler.
 *
 * Interrupts come while IF is set, as it is everywhere but in handlers of
 * dune_trap_set() and dune_pgfault_set(), in libdune's own short critical sections,
 * and between CLI and STI, which ring 0 may use: PUSHF, CLI, ..., POPF is a stretch
 * that nothing interrupts but exceptions and signals. So handlers are not interrupted
 * by other interrupts, unless they say STI; one that leaves by longjmp() must say it,
 * and so must a signal handler that leaves that way. Blocking signals blocks none.
 * Signal handlers have IF as the code had that they interrupt. The interrupted stack
 * must have some kilobytes left. A handler may call what a signal handler may call:
 * all of libdune, of libc what is async-signal-safe.
 *
 * In ring 3 (dune/user.h), which always has IF set, an interrupt is DUNE_USER_TRAP with
 * that vector, and no handler runs. If dune_user_run() is called with IF clear, what
 * waits since then ends that run at once.
 *
 * Any thread may call this at any time; a thread that ends meanwhile waits for those
 * that are about to interrupt it. A thread can be named once its own first instruction has run, and
 * not while an execve() of it is being tried; one that fails drops what waits.
 *
 * -EINVAL: another vector; -ENOENT: no handler is set for it; -ESRCH: no thread of this
 * process in Dune mode is tid; -EPERM: before dune_init(); -ENOTSUP: a module without
 * DUNE_FEATURE_INTERRUPT.
 */
int dune_interrupt_send(pid_t tid, unsigned int vector);

#ifdef __cplusplus
}
#endif
#endif
