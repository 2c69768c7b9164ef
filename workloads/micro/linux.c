// SPDX-License-Identifier: MIT
/* What things cost an ordinary process. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "micro/area.h"
#include "micro/groups.h"
#include "micro/trap.h"

static void on_segv(int signal, siginfo_t *info, void *context)
{
	uint64_t now = ticks_read();
	ucontext_t *state = context;

	(void)signal;
	trap_taken(now, (uintptr_t)info->si_addr,
		   (uint64_t *)&state->uc_mcontext.gregs[REG_RIP]);
}

static void protect(char *at, size_t size, bool writable)
{
	if (mprotect(at, size, writable ? PROT_READ | PROT_WRITE : PROT_READ))
		give_up("mprotect");
}

static void traps(const struct plan *plan)
{
	struct sigaction action = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO }, old;

	if (sigaction(SIGSEGV, &action, &old))
		give_up("sigaction");
	group_traps(plan, "linux", protect);
	sigaction(SIGSEGV, &old, NULL);
}

static void on_usr1(int signal)
{
	(void)signal;
	ipi_arrived();
}

static void send_usr1(pid_t receiver)
{
	if (tgkill(getpid(), receiver, SIGUSR1))
		give_up("tgkill");
}

static void ipi(const struct plan *plan)
{
	struct sigaction action = { .sa_handler = on_usr1 }, old;

	if (sigaction(SIGUSR1, &action, &old))
		give_up("sigaction");
	group_ipi(plan, "linux", send_usr1);
	sigaction(SIGUSR1, &old, NULL);
}

static void on_alarm(int signal)
{
	(void)signal;
	timer_expired();
}

static void alarm_run(bool on)
{
	const struct timeval every = { .tv_usec = on ? 100 : 0 };
	const struct itimerval timer = { every, every };

	if (setitimer(ITIMER_REAL, &timer, NULL))
		give_up("setitimer");
}

static void alarms(const struct plan *plan)
{
	struct sigaction action = { .sa_handler = on_alarm }, old;

	if (sigaction(SIGALRM, &action, &old))
		give_up("sigaction");
	group_timer(plan, "linux", alarm_run);
	sigaction(SIGALRM, &old, NULL);
}

void group_linux(const struct plan *plan)
{
	group_calls(plan, "linux");
	group_start(plan, "linux", false);
	group_fault_fresh(plan, "linux", "fault_fresh");
	group_fault_present(plan, "linux", "fault_present");
	traps(plan);
	group_ptrace(plan);
	if (!plan->all)
		return;
	group_life(plan, "linux");
	group_switch(plan);
	group_wake(plan, "linux");
	ipi(plan);
	alarms(plan);
	group_fault_large(plan, "linux");
	group_walks(plan, "linux", NULL);
}
