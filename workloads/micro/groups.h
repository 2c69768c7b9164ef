/* SPDX-License-Identifier: MIT */
/* The groups of measurements: each prints its series, or ends the program saying why not. */
#ifndef MICRO_GROUPS_H
#define MICRO_GROUPS_H

#include <stddef.h>
#include <sys/types.h>

#include "micro/series.h"

void group_linux(const struct plan *plan);
/* who: the first half of names. */
void group_calls(const struct plan *plan, const char *who);
void group_start(const struct plan *plan, const char *who, bool dune);
/* Writes to fresh anonymous memory; to a new mapping of memory that is there. */
void group_fault_fresh(const struct plan *plan, const char *who, const char *what);
void group_fault_present(const struct plan *plan, const char *who, const char *what);
void group_fault_large(const struct plan *plan, const char *who);
/* A process and a thread, from start to end. */
void group_life(const struct plan *plan, const char *who);
/* Another process of the same CPU; another CPU, if there is one. */
void group_switch(const struct plan *plan);
void group_wake(const struct plan *plan, const char *who);
/* An interrupt, or what a system has for it, to a thread of another CPU: its handler tells. */
typedef void (*ipi_send_fn)(pid_t receiver);
void group_ipi(const struct plan *plan, const char *who, ipi_send_fn send);
void ipi_arrived(void);
/* Start what calls timer_expired() every 20,000 ticks or 100 us, or stop it. */
typedef void (*timer_run_fn)(bool on);
void group_timer(const struct plan *plan, const char *who, timer_run_fn run);
void timer_expired(void);
void group_ptrace(const struct plan *plan);
/* prepare: has the area in 4 KiB pages, if that needs doing. */
typedef void (*prepare_fn)(char *area, size_t size);
void group_walks(const struct plan *plan, const char *who, prepare_fn prepare);
/* kvm.ko and its vendor module are loaded. */
void group_kvm(const struct plan *plan);
/* dune.ko is loaded: its own interface, then libdune's. */
void group_dune(const struct plan *plan);
void group_libdune(const struct plan *plan);
void group_interpose(const struct plan *plan);
void group_hooks(const struct plan *plan);
void group_refused(const struct plan *plan);
void group_roots(const struct plan *plan);

#endif
