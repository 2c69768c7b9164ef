// SPDX-License-Identifier: MIT
/* Interrupts from one thread to another. */
#include <errno.h>

#include <dune/interrupt.h>

#include "section.h"

#define FIRST 32
#define LAST 255

static struct dune_thread *thread_of(pid_t tid)
{
	struct dune_thread *thread;

	for (thread = dune_process.threads; thread; thread = thread->next)
		if (tid > 0 && thread->entered && thread->tid == tid)
			return thread;
	return NULL;
}

int dune_interrupt_send(pid_t tid, unsigned int vector)
{
	struct dune_thread *thread;
	struct section section;
	long error = -ESRCH;

	if (!dune_process.ready)
		return -EPERM;
	if (vector < FIRST || vector > LAST)
		return -EINVAL;
	if (trap_expect(vector))
		return -ENOENT;
	section_begin(&section, &dune_process.threads_lock);
	thread = thread_of(tid);
	if (thread)
		__atomic_fetch_add(&thread->senders, 1, __ATOMIC_RELAXED);
	raw_unlock(&dune_process.threads_lock);
	if (thread) {
		error = host_interrupt(thread, vector);
		__atomic_fetch_sub(&thread->senders, 1, __ATOMIC_RELEASE);
	}
	section_end(&section, NULL);
	if (error == -ENOTTY)
		return -ENOTSUP;
	return error == -ENODEV ? -ESRCH : (int)error;
}
