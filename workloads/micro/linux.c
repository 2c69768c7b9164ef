// SPDX-License-Identifier: MIT
/* What the same things cost an ordinary process: system call, page faults, a signal. */
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "micro/area.h"
#include "micro/groups.h"

static void on_sigill(int signal, siginfo_t *info, void *context)
{
	ucontext_t *state = context;

	(void)signal;
	(void)info;
	state->uc_mcontext.gregs[REG_RIP] += 2; /* behind the UD2 */
}

static void faults(const char *name, const struct plan *plan,
		   char *(*map)(size_t offset, size_t size))
{
	struct series s = { plan->batches, BATCH_PAGES, { 0 }, { 0 } };
	char *area;

	if (!series_wanted(plan, name))
		return;
	area = map(0, area_bytes(plan));
	SERIES_RUN(s.ticks, s.batches, s.iterations, TOUCH(area));
	SERIES_RUN(s.empty, s.batches, s.iterations, TOUCH(area));
	series_print(name, &s);
	area_unmap(area, area_bytes(plan));
}

void group_linux(const struct plan *plan)
{
	struct series call = { plan->batches, plan->iterations, { 0 }, { 0 } };
	struct series trap = call;
	struct sigaction action = { .sa_sigaction = on_sigill, .sa_flags = SA_SIGINFO };

	if (sigaction(SIGILL, &action, NULL))
		give_up("sigaction");
	if (series_wanted(plan, "linux.syscall")) {
		SERIES_RUN(call.empty, call.batches, call.iterations, NOTHING);
		SERIES_RUN(call.ticks, call.batches, call.iterations, syscall(SYS_getpid));
		series_print("linux.syscall", &call);
	}
	if (series_wanted(plan, "linux.exception")) {
		SERIES_RUN(trap.empty, trap.batches, trap.iterations, NOTHING);
		SERIES_RUN(trap.ticks, trap.batches, trap.iterations, asm volatile("ud2"));
		series_print("linux.exception", &trap);
	}
	faults("linux.fault_fresh", plan, area_map);
	faults("linux.fault_present", plan, area_map_present);
}
