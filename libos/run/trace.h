/* SPDX-License-Identifier: MIT */
/* What `dune run` says about a program's system calls: each as it is made, or all at the end. */
#ifndef DUNE_RUN_TRACE_H
#define DUNE_RUN_TRACE_H

/*
 * Before the program begins. Lines go to a copy of the standard error output as it
 * is now. From here on the C library must not be used: the program has its own.
 */
int trace_calls(void);
/* name: whom the summary is about; it must stay. */
int trace_summary(const char *name);

#endif
