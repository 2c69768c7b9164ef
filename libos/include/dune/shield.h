/* SPDX-License-Identifier: MIT */
/* A stretch in which the host's interrupts of the thread's CPU wait. Intel only. */
#ifndef DUNE_SHIELD_H
#define DUNE_SHIELD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Until the TSC reaches `until', maskable interrupts of the host do not interrupt this thread
 * while it runs in Dune mode: timer ticks, devices, other CPUs' calls. They come whenever there
 * is an exit of the thread's own (a system call, a nested fault, its timer), and at the latest
 * after as long as the module's parameter shield_max_us allows; then the shield goes on. NMIs
 * and SMIs are not held back. The thread's own timer and interrupts of dune/interrupt.h: the
 * former comes in time, the latter wait as the host's do.
 *
 * It costs an exit. Called again, it changes the end. It is the thread's: a task of dune/rt.h
 * that may be preempted calls it between dune_rt_hold() and dune_rt_release().
 *
 * -EPERM: not in Dune mode; -ENOTSUP: a module without DUNE_FEATURE_SHIELD, as on AMD, where
 * nothing would end the stretch but the interrupts that it holds back; -EACCES: shield_max_us
 * is 0, as it is unless the administrator sets it.
 */
int dune_shield_begin(uint64_t until);

/* What waits comes now. An exit. -EPERM: not in Dune mode. */
int dune_shield_end(void);

#ifdef __cplusplus
}
#endif
#endif
