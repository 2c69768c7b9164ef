/* SPDX-License-Identifier: MIT */
/* The CPUs that tasks of Linux may run on. */
#ifndef DUNE_RUN_RT_TASKS_H
#define DUNE_RUN_RT_TASKS_H

#include <stdbool.h>

/*
 * Each thread of the system but those of runs: its name here is number and start. movable:
 * Linux lets it be bound elsewhere.
 */
void tasks_each(void (*call)(const char *name, bool movable, void *arg), void *arg);

/* As a mask of CORES_TEXT bytes. A negative number: it is gone. */
int task_read(const char *name, char *to);
/* 0 or -errno. */
int task_write(const char *name, const char *mask);

#endif
