// SPDX-License-Identifier: MIT
/* What libdune gives: the things of calls.c, exceptions handled in ring 0, ring 3 under it. */
#include <dune.h>
#include <errno.h>
#include <sys/syscall.h>

#include "micro/area.h"
#include "micro/groups.h"
#include "micro/measure.h"
#include "micro/trap.h"

static void must(int error, const char *what)
{
	errno = -error;
	if (error)
		give_up(what);
}

static void on_ud2(struct dune_trap_frame *frame, void *arg)
{
	(void)arg;
	frame->rip += 2;
}

static void on_page_fault(uintptr_t address, uint32_t error, struct dune_trap_frame *frame,
			  void *arg)
{
	uint64_t now = ticks_read();

	(void)error;
	(void)arg;
	trap_taken(now, address, &frame->rip);
}

static void protect(char *at, size_t size, bool writable)
{
	must(dune_vm_protect(at, size, writable ? DUNE_PROT_WRITE : DUNE_PROT_READ),
	     "dune_vm_protect");
}

#define IPI_VECTOR 0x40

static void on_interrupt(struct dune_trap_frame *frame, void *arg)
{
	(void)frame;
	(void)arg;
	ipi_arrived();
}

static void interrupt(pid_t receiver)
{
	must(dune_interrupt_send(receiver, IPI_VECTOR), "dune_interrupt_send");
}

#define TIMER_VECTOR 0x41
#define QUANTUM 20000u
#define SLACK 2000u

/* As a scheduler does: the next one from within the handler. */
static void on_timer(struct dune_trap_frame *frame, void *arg)
{
	(void)frame;
	(void)arg;
	timer_expired();
	dune_timer_set_within(ticks_read() + QUANTUM, SLACK);
}

static void timer_run(bool on)
{
	must(on ? dune_timer_open(TIMER_VECTOR, QUANTUM + SLACK) : dune_timer_close(),
	     "dune_timer_open");
	if (on)
		must(dune_timer_set(ticks_read() + QUANTUM), "dune_timer_set");
}

/* A page by itself is 4 KiB in the guest's tables; whole GiBs are large. */
static void split(char *area, size_t size)
{
	for (size_t at = 0; at < size; at += PAGE)
		protect(area + at, PAGE, true);
}

void group_libdune(const struct plan *plan)
{
	struct dune_syscall getpid = { .nr = SYS_getpid };
	const char *who = "dune";

	group_start(plan, who, true);
	must(dune_init(NULL), "dune_init");
	must(dune_enter(), "dune_enter");
	group_calls(plan, who);
	MEASURE("getpid_forwarded", plan->iterations, dune_syscall_forward(&getpid));
	group_fault_fresh(plan, who, "fault_fresh_libdune");
	must(dune_trap_set(DUNE_TRAP_UD, on_ud2, NULL), "dune_trap_set");
	MEASURE("exception", plan->iterations, asm volatile("ud2"));
	must(dune_pgfault_set(on_page_fault, NULL), "dune_pgfault_set");
	group_traps(plan, who, protect);
	must(dune_pgfault_set(NULL, NULL), "dune_pgfault_set");
	group_interpose(plan);
	if (plan->all) {
		group_hooks(plan);
		group_refused(plan);
		group_roots(plan);
		group_life(plan, who);
		group_wake(plan, who);
		must(dune_trap_set(IPI_VECTOR, on_interrupt, NULL), "dune_trap_set");
		group_ipi(plan, who, interrupt);
		must(dune_trap_set(TIMER_VECTOR, on_timer, NULL), "dune_trap_set");
		group_timer(plan, who, timer_run);
		group_walks(plan, who, split);
	}
	must(dune_leave(), "dune_leave");
}
