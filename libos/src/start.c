// SPDX-License-Identifier: MIT
/* The first instruction of a program that another one loaded. */
#include <errno.h>

#include <dune/lifecycle.h>

#include "monitor.h"
#include "signal/signal.h"
#include "start.h"
#include "thread.h"

int dune_start(uint64_t entry, uint64_t stack)
{
	struct dune_thread *thread;
	int error;

	if (!dune_process.ready)
		return -EPERM;
	thread = thread_create(&error);
	if (!thread)
		return error;
	error = paging_premap(thread, (void *)stack);
	if (error)
		return error;
	thread_sregs(thread, 0, 0);
	if (monitor_on())
		monitor_begin(thread);
	signal_adopt(&dune_process.signals);
	thread->entered = true;
	dune_process.quiet = dune_process.whole = true;
	thread->run->regs = (struct dune_regs){ .rip = entry, .rsp = stack, .rflags = 0x202 };
	return start_guest(thread);
}
