/* SPDX-License-Identifier: MIT */
/*
 * Signals of a process in Dune mode.
 *
 * Linux delivers a signal to the host side. For each handler of the guest's
 * libdune's own, host_signal(), is the one that Linux knows: it makes the frame
 * that Linux would have made, but on the guest's stack and of the guest's
 * registers, and lets the guest go on in its handler. The mask of blocked
 * signals is the one Linux keeps: guest and host side always have the same.
 *
 * The host side is interrupted at any instruction. In the loop of enter.S the
 * guest's state is known at each: deliver.c looks at rip. Anywhere else, or
 * while the guest is on its trap stack, the signal is sent again and all are
 * blocked until the loop is reached ("deferred").
 */
#ifndef DUNE_SRC_SIGNAL_SIGNAL_H
#define DUNE_SRC_SIGNAL_SIGNAL_H

#include <stdbool.h>

#include "frame.h"

struct dune_regs;
struct dune_thread;
struct dune_trap_frame;

/* action.c */
/* Take over the handlers that the program set before it came here. */
void signal_adopt(struct signal_state *state);
/* The guest calls rt_sigaction: its result. */
long signal_sigaction(struct dune_thread *thread);
struct signal_action signal_action_get(struct signal_state *state, int signal);
/* Let Linux do what it does by default. */
void signal_action_default(struct signal_state *state, int signal, bool tell_linux);

/* mask.c */
/* A program in ring 3 calls rt_sigprocmask: its result. */
long signal_procmask(struct dune_thread *thread);

/* altstack.c */
/* The guest calls sigaltstack: its result. */
long signal_altstack(struct dune_thread *thread);
long altstack_set(struct dune_thread *thread, const struct signal_stack *stack, uint64_t rsp);
/* Its own as seen by the guest, with SS_ONSTACK if rsp is on it. */
struct signal_stack altstack_get(const struct dune_thread *thread, uint64_t rsp);
bool altstack_holds(const struct signal_stack *stack, uint64_t rsp);
/* The thread enters or leaves Dune mode: the stack moves from or to Linux. */
void altstack_take(struct dune_thread *thread);
void altstack_give(struct dune_thread *thread);

/* deliver.c */
void host_signal(int signal, struct signal_info *info, struct signal_context *context);
/* Make Linux's rt_sigreturn with this context go on in the loop. */
void signal_resume(struct dune_thread *thread, struct signal_context *context);
/* Block everything; what comes in or is queued now is delivered in the loop. */
void signal_defer(struct dune_thread *thread);

/* gather.c: a core dump is about to be made. */
/* Ask all other threads to leave, and wait for them. False: another thread dies already. */
bool gather_threads(int signal);
bool gather_is_under_way(int signal);
/* Of whatever signal. */
bool gather_is_for_any(void);
/* By a thread that is out. */
void gather_one(void);

/* raise.c */
/* Queue for this thread the signal that stands for a fault: not to be blocked or ignored. */
void signal_force(struct dune_thread *thread, int signal, int code, uint64_t address);
/* The guest's exception in frame is nobody's: make it the signal Linux would send. */
void signal_trap(struct dune_thread *thread, const struct dune_trap_frame *frame, uint64_t cr2);

void signal_regs_of_frame(struct dune_regs *to, const struct dune_trap_frame *from);
int signal_of_vector(unsigned int vector);
/* The guest goes on where the frame's exception came. */
void signal_iret(struct dune_thread *thread, const struct dune_trap_frame *frame);

/* return.c */
/* The guest calls rt_sigreturn. Does not return if the frame is whole. */
void signal_return(struct dune_thread *thread);

/* enter.S: for Linux to return from host_signal(). */
extern const char host_restorer[];
_Noreturn void host_sigreturn(struct signal_context *context);

#endif
