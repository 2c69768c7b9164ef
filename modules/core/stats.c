// SPDX-License-Identifier: GPL-2.0
/* Counters in debugfs: dune/stats for the module, dune/vm-<id> for each VM. */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>

#include "core/stats.h"
#include "core/vcpu.h"
#include "core/vm.h"

atomic_long_t live_objects[LIVE_COUNT];

static struct dentry *directory;
static struct event_counts totals; /* of VMs that are gone */
static DEFINE_SPINLOCK(totals_lock);

void event_counts_add(struct event_counts *sum, const struct event_counts *part)
{
	const u64 *from = (const u64 *)part;
	u64 *to = (u64 *)sum;
	size_t i;

	BUILD_BUG_ON(sizeof(*sum) % sizeof(u64));
	for (i = 0; i < sizeof(*sum) / sizeof(u64); i++)
		to[i] += READ_ONCE(from[i]);
}

void event_counts_export(const struct event_counts *counts,
			 struct dune_stats *out)
{
	BUILD_BUG_ON(VCPU_EXIT_COUNT > DUNE_STATS_EXITS_MAX);
	*out = (struct dune_stats){
		.size = sizeof(*out),
		.nexits = VCPU_EXIT_COUNT,
		.entries = counts->entries,
		.tdp_maps_4k = counts->tdp_maps_4k,
		.tdp_maps_2m = counts->tdp_maps_2m,
		.tdp_retries = counts->tdp_retries,
		.invalidations = counts->invalidations,
		.events_injected = counts->events_injected,
		.events_reinjected = counts->events_reinjected,
		.timer_interrupts = counts->timer_interrupts,
		.timer_early = counts->timer_early,
		.shields = counts->shields,
	};
	memcpy(out->exits, counts->exits, sizeof(counts->exits));
}

void event_counts_show(struct seq_file *file, const struct event_counts *counts)
{
	int i;

	seq_printf(file, "entries %llu\n", counts->entries);
	seq_printf(file, "tdp_maps_4k %llu\n", counts->tdp_maps_4k);
	seq_printf(file, "tdp_maps_2m %llu\n", counts->tdp_maps_2m);
	seq_printf(file, "tdp_retries %llu\n", counts->tdp_retries);
	seq_printf(file, "invalidations %llu\n", counts->invalidations);
	seq_printf(file, "events_injected %llu\n", counts->events_injected);
	seq_printf(file, "events_reinjected %llu\n", counts->events_reinjected);
	seq_printf(file, "timer_interrupts %llu\n", counts->timer_interrupts);
	seq_printf(file, "timer_early %llu\n", counts->timer_early);
	seq_printf(file, "shields %llu\n", counts->shields);
	for (i = 0; i < VCPU_EXIT_COUNT; i++)
		seq_printf(file, "exits_%s %llu\n", vcpu_exit_names[i],
			   counts->exits[i]);
}

static int stats_show(struct seq_file *file, void *unused)
{
	static const char *const live_names[LIVE_COUNT] = {
#define LIVE_NAME(name, text) [name] = text,
		LIVE_LIST(LIVE_NAME)
#undef LIVE_NAME
	};
	struct event_counts counts;
	int i;

	vm_notifiers_settle(); /* what has ended shall be gone */
	for (i = 0; i < LIVE_COUNT; i++)
		seq_printf(file, "%s %ld\n", live_names[i],
			   atomic_long_read(&live_objects[i]));
	spin_lock(&totals_lock);
	counts = totals;
	spin_unlock(&totals_lock);
	event_counts_show(file, &counts);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static int vm_stats_show(struct seq_file *file, void *unused)
{
	struct vm *vm = file->private;
	struct event_counts counts;

	vm_counts(vm, &counts);
	seq_printf(file, "vcpus %u\n", READ_ONCE(vm->nvcpus));
	seq_printf(file, "slots %u\n", READ_ONCE(vm->slots.n));
	seq_printf(file, "tables %lu\n", READ_ONCE(vm->tdp.ntables));
	event_counts_show(file, &counts);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vm_stats);

void stats_vm_add(struct vm *vm)
{
	char name[32];

	snprintf(name, sizeof(name), "vm-%u", vm->id);
	vm->debugfs = debugfs_create_file(name, 0400, directory, vm,
					  &vm_stats_fops);
}

void stats_vm_remove(struct vm *vm)
{
	debugfs_remove(vm->debugfs);
}

void stats_vm_retire(const struct event_counts *counts)
{
	spin_lock(&totals_lock);
	event_counts_add(&totals, counts);
	spin_unlock(&totals_lock);
}

int stats_init(void)
{
	directory = debugfs_create_dir("dune", NULL);
	debugfs_create_file("stats", 0444, directory, NULL, &stats_fops);
	return 0; /* debugfs is a convenience: its absence is no error */
}

void stats_exit(void)
{
	debugfs_remove(directory);
}
