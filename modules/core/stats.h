/* SPDX-License-Identifier: GPL-2.0 */
/* Counters: live objects of the whole module, and events per vCPU summed per VM. */
#ifndef DUNE_CORE_STATS_H
#define DUNE_CORE_STATS_H

#include <linux/atomic.h>
#include <linux/types.h>

#include "core/exit.h"

struct vm;
struct seq_file;
struct dune_stats;

/* What must be back at zero when no process uses the module. */
#define LIVE_LIST(X)                    \
	X(LIVE_VMS, "live_vms")         \
	X(LIVE_VCPUS, "live_vcpus")     \
	X(LIVE_TABLES, "live_tables")   \
	X(LIVE_SLOTS, "live_slots")     \
	X(LIVE_NOTIFIERS, "live_notifiers")

enum live_object {
#define LIVE_ENUM(name, text) name,
	LIVE_LIST(LIVE_ENUM)
#undef LIVE_ENUM
	LIVE_COUNT
};

extern atomic_long_t live_objects[LIVE_COUNT];

static inline void live_inc(enum live_object object)
{
	atomic_long_inc(&live_objects[object]);
}

static inline void live_dec(enum live_object object)
{
	atomic_long_dec(&live_objects[object]);
}

static inline void live_sub(enum live_object object, long n)
{
	atomic_long_sub(n, &live_objects[object]);
}

/* Written by the thread that runs the vCPU only (invalidations: under mmu_lock). */
struct event_counts {
	u64 exits[VCPU_EXIT_COUNT];
	u64 entries;
	u64 tdp_maps_4k;
	u64 tdp_maps_2m;
	u64 tdp_retries;
	u64 invalidations;
	u64 events_injected;
	u64 events_reinjected;
	u64 timer_interrupts;
	u64 timer_early;
	u64 shields;
};

void event_counts_add(struct event_counts *sum, const struct event_counts *part);
/* A line for each, as in debugfs. */
void event_counts_show(struct seq_file *file, const struct event_counts *counts);
void event_counts_export(const struct event_counts *counts,
			 struct dune_stats *out);

int stats_init(void);
void stats_exit(void);
/* Files of one VM below debugfs dune/. */
void stats_vm_add(struct vm *vm);
void stats_vm_remove(struct vm *vm);
/* Keep the counts of a VM that goes in the module's totals. */
void stats_vm_retire(const struct event_counts *counts);

#endif
