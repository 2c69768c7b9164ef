// SPDX-License-Identifier: MIT
/* A program of somebody else's, C and C++ alike, that knows libdune by pkg-config alone. */
#include <dune.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Names that libdune uses inside. */
int hypercall = 1, dune_process = 2, thread_self = 3;

static char page[8192] __attribute__((aligned(4096)));
static volatile int faults, signals;

static void on_breakpoint(struct dune_trap_frame *frame, void *arg)
{
	(void)frame;
	*(unsigned long *)arg += dune_in_guest();
}

static void on_fault(uintptr_t address, uint32_t error_code, struct dune_trap_frame *frame,
		     void *arg)
{
	(void)frame;
	(void)arg;
	faults += (error_code & DUNE_PF_WRITE) != 0;
	dune_vm_protect((void *)(address & ~(uintptr_t)4095), 4096, DUNE_PROT_WRITE);
}

static enum dune_syscall_action on_getppid(struct dune_syscall *call, void *arg)
{
	(void)arg;
	call->result = 4711;
	return DUNE_SYSCALL_ANSWER;
}

static void on_signal(int signal)
{
	(void)signal;
	signals += dune_in_guest();
}

static void *in_thread(void *arg)
{
	double *number = (double *)malloc(sizeof(double));

	*number = *(double *)arg * (dune_in_guest() ? 2 : 0);
	return number;
}

int main(void)
{
	struct dune_counters counters;
	unsigned long traps = 0;
	double half = 0.5;
	void *number = NULL;
	pthread_t thread;
	int error = dune_init(NULL);

	if (error) {
		printf("dune_init: %d, %s\n", error, strerror(-error));
		return 3;
	}
	dune_trap_set(DUNE_TRAP_BP, on_breakpoint, &traps);
	dune_pgfault_set(on_fault, NULL);
	signal(SIGUSR1, on_signal);
	error = dune_enter();
	if (error) {
		printf("dune_enter: %d, %s\n", error, strerror(-error));
		return 4;
	}
	__asm__ volatile("int3");
	dune_vm_protect(page, 4096, DUNE_PROT_READ);
	*(volatile char *)page = 1;
	dune_syscall_hook_set(SYS_getppid, on_getppid, NULL);
	raise(SIGUSR1);
	if (pthread_create(&thread, NULL, in_thread, &half) || pthread_join(thread, &number))
		return 5;
	printf("traps %lu, faults %d, signals %d, parent %d, thread %.1f, names %d\n", traps,
	       faults, signals, (int)getppid(), *(double *)number,
	       hypercall + dune_process + thread_self);
	error = dune_leave();
	if (error || dune_in_guest() || dune_counters_get(&counters) || !counters.entries)
		return 6;
	return 0;
}
