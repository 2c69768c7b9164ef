/* SPDX-License-Identifier: MIT */
/* Where a thread runs. */
#ifndef MICRO_CPUS_H
#define MICRO_CPUS_H

/* The calling thread, on this CPU from now on; ends the program if it cannot. */
void on_cpu(int cpu);

#endif
