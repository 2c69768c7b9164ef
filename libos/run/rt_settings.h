/* SPDX-License-Identifier: MIT */
/*
 * What of Linux has to keep off reserved cores: masks of interrupts, workqueues,
 * packet steering and the watchdog, the affinities of tasks, and two intervals. What
 * each was before is in a file as long as anything is reserved.
 */
#ifndef DUNE_RUN_RT_SETTINGS_H
#define DUNE_RUN_RT_SETTINGS_H

#include "rt_cores.h"

struct settings_left {
	unsigned int irqs;
	char irq_names[128]; /* the first of them */
	unsigned int tasks; /* of Linux, that may not be moved */
};

/* Of tasks that are bound to some CPUs, before a partition is made, which forgets that. */
int settings_note_tasks(const struct cores *taken);

/*
 * Everything off the cores in taken, where `was' were taken until now. What is for no reserved
 * core any more is as it was before. left may be NULL. -errno: what settings were cannot be
 * written down; then nothing is changed, unless taken is empty.
 */
int settings_apply(const struct cores *taken, const struct cores *was, struct settings_left *left);

#endif
