/* SPDX-License-Identifier: MIT */
/*
 * A program that runs in ring 3 from its first instruction, with libdune in ring 0
 * under it. It sees no difference: what ring 0 has to do is in few places. SYSCALL
 * comes to monitor.S, which makes the hypercall and goes back by SYSRET, or asks
 * hooks on a stack of the thread's block. Exceptions come to the trap stack, and go
 * to the host side as ever. Signals interrupt either ring; the program's handlers
 * run in ring 3. Nothing in ring 0 is outside libdune's own image, so rip tells the
 * rings apart: ring 3 may jump into the image, but executes nothing there.
 */
#ifndef DUNE_SRC_MONITOR_H
#define DUNE_SRC_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

struct dune_regs;
struct dune_thread;

/* Before the first thread: all of the process will be in ring 3. image: all of libdune's. */
void monitor_set(const void *image, const void *image_end);
bool monitor_on(void);
void monitor_image(uint64_t *start, uint64_t *end);
bool monitor_is_own(uint64_t address);

/* thread->run->sregs: of a thread that returns from its clone, of a program's first one. */
void monitor_sregs(struct dune_thread *thread);
void monitor_begin(struct dune_thread *thread);
/* Wherever the vCPU is now, it goes on in ring 3 with its run page's registers. */
void monitor_to_ring3(struct dune_thread *thread);

/* The guest is in ring 0, or ring 3 is about to fault: its registers are not the program's. */
bool monitor_between(struct dune_thread *thread);
/* Not between, but at SYSCALL's way in or out: registers as the program has them. */
void monitor_settle(struct dune_thread *thread, struct dune_regs *regs);
/* This hypercall is the program's SYSCALL, and not libdune's own. */
bool monitor_passes(const struct dune_regs *regs);
/* A signal waits, and a hook may have just looked for some: let it look again. */
void monitor_look_again(struct dune_thread *thread);
/*
 * A hook performs the program's call, and Linux has not begun it or will begin it
 * again: drop the hook, have regs make the call again. False: the hook goes on.
 */
bool monitor_restart(struct dune_thread *thread, uint64_t host_rip, struct dune_regs *regs);
/* The same of a call that Linux has ended with EINTR: regs have that result. */
bool monitor_interrupted(struct dune_thread *thread, struct dune_regs *regs);
/* In a hook: a call was made, so the hook is not to be dropped. */
void monitor_call_made(void);

/* Whether some of this is libdune's and not the program's. */
bool monitor_overlaps(uint64_t start, uint64_t end);
/* The program calls Linux about memory, which may be libdune's: the call's result. */
long monitor_memory_syscall(const struct dune_regs *regs);

#endif
