/* SPDX-License-Identifier: MIT */
/* Counters of this process's virtual machine. */
#ifndef DUNE_STATS_H
#define DUNE_STATS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct dune_counters {
	uint64_t entries;	/* VM entries of all vCPUs, past and present */
	uint64_t syscalls;	/* hypercalls: each is a forwarded system call */
	uint64_t tdp_faults;	/* nested page faults */
	uint64_t interrupts;	/* exits because the host was interrupted */
	uint64_t tdp_maps_4k;	/* nested entries installed, by size */
	uint64_t tdp_maps_2m;
	uint64_t invalidations; /* times Linux took mapped memory away */
};

/* Read the counters; costs a system call. -EPERM: before dune_init(). */
int dune_counters_get(struct dune_counters *counters);

#ifdef __cplusplus
}
#endif
#endif
