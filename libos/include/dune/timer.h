/* SPDX-License-Identifier: MIT */
/* A timer for each thread in Dune mode, set without an exit, that calls the handler of a vector. */
#ifndef DUNE_TIMER_H
#define DUNE_TIMER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Times are readings of the TSC (RDTSC), durations its ticks. Each function acts on the
 * thread that calls it, in Dune mode, and may be called in handlers; there is no lock.
 * A task of dune/rt.h, which may go on in another thread, calls none of them: the timers of
 * its cores are the runtime's.
 */
#define DUNE_TIMER_NEVER UINT64_MAX

/*
 * Give the thread a timer that is not set. When the TSC has reached its deadline, the
 * handler that dune_trap_set() has for vector 32..255 is called, once, and the timer is no
 * longer set. What dune/interrupt.h says of interrupts holds for this one, too: it waits
 * while IF is clear or the thread is in a system call, and if it waits already when the
 * next deadline is over, it comes once.
 *
 * ahead: so many ticks after such an interrupt the timer will usually be due again, as with
 * a quantum; 0: unknown. The timer then needs no exit to be set to that or later.
 *
 * Called again it changes both and clears the timer. The timer stays with the thread when
 * that leaves Dune mode, where nothing is called, and enters again. A child made by fork()
 * or clone() has none. After a sleep of the machine that set the TSC back, a timer that was
 * set comes at once.
 *
 * -EPERM: not in Dune mode; -EINVAL: another vector; -ENOENT: no handler is set for it;
 * -ENOTSUP: a module without DUNE_FEATURE_TIMER.
 */
int dune_timer_open(unsigned int vector, uint64_t ahead);

/* The thread has no timer any more. -EPERM: not in Dune mode. */
int dune_timer_close(void);

/*
 * The timer comes at deadline, at once if that is over, instead of when it was to come.
 * DUNE_TIMER_NEVER: it does not come. That costs some twenty instructions, and an exit only if
 * the deadline is before the time at which the module looks anyway: that of an earlier
 * deadline, or what dune_timer_open() was told.
 *
 * -EPERM: not in Dune mode; -ENOENT: no timer.
 */
int dune_timer_set(uint64_t deadline);

/* The same, and up to slack ticks later is as well: no exit if the module looks by then. */
int dune_timer_set_within(uint64_t deadline, uint64_t slack);

/* dune_timer_set(DUNE_TIMER_NEVER): never an exit. */
int dune_timer_clear(void);

/* When it comes; DUNE_TIMER_NEVER if it is not set, there is none, or not in Dune mode. */
uint64_t dune_timer_get(void);

#ifdef __cplusplus
}
#endif
#endif
