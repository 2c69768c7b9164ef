/* SPDX-License-Identifier: GPL-2.0 */
/* Switching the extension on and off as CPUs and the machine come and go. */
#ifndef DUNE_CORE_POWER_H
#define DUNE_CORE_POWER_H

#include <linux/percpu.h>

/* Whether it is on here: while interrupts are off, the answer holds. */
DECLARE_PER_CPU(bool, power_on);

/* On for every CPU that is online or comes online; -errno of the first that fails. */
int power_init(void);
void power_exit(void);

/* crash.c: off before a crash kernel starts; around power_init() and power_exit(). */
int crash_init(void);
void crash_exit(void);

#endif
