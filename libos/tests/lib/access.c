// SPDX-License-Identifier: MIT
/* The page-fault handler behind access.h. */
#include "access.h"

volatile long access_faults;

void access_fault(uintptr_t address, uint32_t error, struct dune_trap_frame *frame,
		  void *unused)
{
	(void)address;
	(void)error;
	(void)unused;
	__atomic_fetch_add(&access_faults, 1, __ATOMIC_RELAXED);
	frame->rip = frame->r15;
}
