// SPDX-License-Identifier: MIT
/* Signal handlers that edit page tables, roots and hooks while they interrupt the same. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/dune_mode.h"

#define PAGE 4096ul
#define PAGES 512ul
#define SIGNALS 40

static const struct itimerval fast = { { 0, 1000 }, { 0, 1000 } }, off;
static unsigned char *area;
/* The handler does with few: it must end before its next turn. */
static volatile unsigned long pages;
static volatile int handled, failed;
static void (*volatile in_handler)(void);

static void on_alarm(int signal)
{
	unsigned long before = pages;

	(void)signal;
	pages = 4;
	in_handler();
	pages = before;
	handled = handled + 1;
	if (handled == SIGNALS)
		setitimer(ITIMER_REAL, &off, NULL);
}

static void protect(void)
{
	if (dune_vm_protect(area, pages * PAGE, DUNE_PROT_READ) ||
	    dune_vm_protect(area, pages * PAGE, DUNE_PROT_READ | DUNE_PROT_WRITE))
		failed = 1;
}

static void protect_singly(void)
{
	unsigned long i;

	for (i = 0; i < pages; i++)
		if (dune_vm_protect(area + i * PAGE, PAGE, DUNE_PROT_READ) ||
		    dune_vm_protect(area + i * PAGE, PAGE, DUNE_PROT_READ | DUNE_PROT_WRITE))
			failed = 1;
}

/* The page that is written to, by the program or by the signal handler that interrupts it. */
static unsigned char *volatile written;

static void on_fault(uintptr_t address, uint32_t error, struct dune_trap_frame *frame, void *arg)
{
	(void)error;
	(void)frame;
	(void)arg;
	if (address != (uintptr_t)written)
		failed = 1;
	dune_vm_protect(written, PAGE, DUNE_PROT_WRITE);
}

static void fault_on(unsigned char *page)
{
	unsigned char *before = written;

	dune_vm_protect(page, PAGE, DUNE_PROT_READ);
	written = page;
	*(volatile unsigned char *)page = 1;
	written = before;
}

static void fault_below(void)
{
	fault_on(area);
}

static void fault_above(void)
{
	fault_on(area + PAGE);
}

static void take(void)
{
	if (dune_vm_bits_take(DUNE_ROOT_CURRENT, area, pages * PAGE, DUNE_PTE_DIRTY, NULL) < 0)
		failed = 1;
}

static void root(void)
{
	int nr = dune_root_create(DUNE_ROOT_CURRENT), old = nr < 0 ? nr : dune_root_switch(nr);

	if (old < 0 || dune_root_switch(old) != nr || dune_root_free(nr))
		failed = 1;
}

static enum dune_syscall_action pass(struct dune_syscall *call, void *arg)
{
	(void)call;
	(void)arg;
	return DUNE_SYSCALL_FORWARD;
}

static void hook(void)
{
	unsigned long i;

	for (i = 0; i < pages; i++)
		if (dune_syscall_hook_set(SYS_getppid, pass, NULL) ||
		    dune_syscall_hook_set(SYS_getppid, NULL, NULL))
			failed = 1;
}

/* The handler interrupts this, nearly always in the middle. */
static bool survives(void (*again)(void), void (*handler)(void))
{
	in_handler = handler;
	pages = PAGES;
	handled = failed = 0;
	setitimer(ITIMER_REAL, &fast, NULL);
	while (handled < SIGNALS)
		again();
	return !failed;
}

int main(void)
{
	ktap_plan(8);
	area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	signal(SIGALRM, on_alarm);
	must_init_and_enter();
	pages = PAGES;
	protect();
	ktap_check(survives(protect, protect), "protecting interrupts protecting");
	ktap_check(survives(take, protect), "protecting interrupts taking bits");
	ktap_check(survives(root, root), "roots interrupt roots");
	ktap_check(survives(protect, root), "roots interrupt protecting");
	ktap_check(survives(protect_singly, protect_singly) && survives(protect_singly, root),
		   "protecting pages and roots interrupt protecting single pages");
	dune_pgfault_set(on_fault, NULL);
	ktap_check(survives(fault_below, fault_above), "a fault has its address behind another's");
	dune_pgfault_set(NULL, NULL);
	ktap_check(survives(hook, hook), "hooks interrupt hooks");
	dune_leave();
	ktap_check(survives(hook, hook), "hooks interrupt hooks, in Linux mode");
	return ktap_exit_status();
}
