// SPDX-License-Identifier: MIT
/* Exceptions in C: registers, red zone, vector registers, nesting, page protection. */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/dune_mode.h"

static volatile unsigned int traps;

static void skip_ud2(struct dune_trap_frame *frame, void *arg)
{
	(void)arg;
	traps++;
	frame->rip += 2;
}

/* Handlers may use vector registers: the interrupted code must not notice. */
static void clobber_and_skip(struct dune_trap_frame *frame, void *arg)
{
	(void)arg;
	traps++;
	asm volatile("pxor %%xmm0, %%xmm0\n\tpxor %%xmm7, %%xmm7\n\t"
		     "pxor %%xmm15, %%xmm15\n\tfninit" ::: "xmm0", "xmm7", "xmm15");
	getppid();
	frame->rip += 2;
}

/* 1 in every register, the red zone included, across an exception. */
static bool registers_survive(void)
{
	unsigned long bad = 0;

	asm volatile("movq $0x1111, -8(%%rsp)\n\t"
		     "movq $0x2222, -128(%%rsp)\n\t"
		     "mov $3, %%r8\n\tmov $4, %%r9\n\tmov $5, %%r10\n\t"
		     "mov $6, %%r11\n\tmov $7, %%r12\n\tmov $8, %%r13\n\t"
		     "mov $9, %%r14\n\tmov $10, %%r15\n\tmov $11, %%rbx\n\t"
		     "mov $12, %%rcx\n\tmov $13, %%rdx\n\tmov $14, %%rsi\n\t"
		     "mov $15, %%rdi\n\tstc\n\t"
		     "ud2\n\t"
		     "jnc 1f\n\t"
		     "cmpq $0x1111, -8(%%rsp)\n\tjne 1f\n\t"
		     "cmpq $0x2222, -128(%%rsp)\n\tjne 1f\n\t"
		     "cmp $3, %%r8\n\tjne 1f\n\tcmp $4, %%r9\n\tjne 1f\n\t"
		     "cmp $5, %%r10\n\tjne 1f\n\tcmp $6, %%r11\n\tjne 1f\n\t"
		     "cmp $7, %%r12\n\tjne 1f\n\tcmp $8, %%r13\n\tjne 1f\n\t"
		     "cmp $9, %%r14\n\tjne 1f\n\tcmp $10, %%r15\n\tjne 1f\n\t"
		     "cmp $11, %%rbx\n\tjne 1f\n\tcmp $12, %%rcx\n\tjne 1f\n\t"
		     "cmp $13, %%rdx\n\tjne 1f\n\tcmp $14, %%rsi\n\tjne 1f\n\t"
		     "cmp $15, %%rdi\n\tje 2f\n"
		     "1:\tmov $1, %%eax\n\tjmp 3f\n"
		     "2:\txor %%eax, %%eax\n"
		     "3:\n"
		     : "=a"(bad)
		     :
		     : "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rbx",
		       "rcx", "rdx", "rsi", "rdi", "memory", "cc");
	return !bad;
}

static bool vectors_survive(void)
{
	unsigned long a[2] = { 0x1122334455667788, 0x99aabbccddeeff00 }, b[2], c[2];

	asm volatile("movdqu %2, %%xmm0\n\tmovdqu %2, %%xmm15\n\tud2\n\t"
		     "movdqu %%xmm0, %0\n\tmovdqu %%xmm15, %1"
		     : "=m"(b), "=m"(c)
		     : "m"(a)
		     : "xmm0", "xmm15");
	return !memcmp(a, b, 16) && !memcmp(a, c, 16);
}

/* A handler that itself takes an exception. */
static void nested(struct dune_trap_frame *frame, void *arg)
{
	int *depth = arg;

	if (--*depth > 0)
		asm volatile("ud2");
	traps++;
	frame->rip += 2;
}

struct watch {
	char *page;
	unsigned int faults;
	uintptr_t address;
	uint32_t error_code;
	int prot;
};

static void on_fault(uintptr_t address, uint32_t error_code,
		     struct dune_trap_frame *frame, void *arg)
{
	struct watch *watch = arg;

	(void)frame;
	watch->faults++;
	watch->address = address;
	watch->error_code = error_code;
	dune_vm_protect(watch->page, 4096, watch->prot);
}

static void page_protection(volatile struct watch *w)
{
	volatile char *page = w->page;
	char value;

	w->prot = DUNE_PROT_READ | DUNE_PROT_WRITE;
	dune_vm_protect(w->page, 4096, DUNE_PROT_NONE);
	value = page[5];
	ktap_check(w->faults == 1 && w->address == (uintptr_t)page + 5 &&
			   !(w->error_code & DUNE_PF_WRITE) && value == 'x',
		   "read of a page without access");
	dune_vm_protect(w->page, 4096, DUNE_PROT_READ);
	value = page[5];
	page[9] = 'y';
	ktap_check(w->faults == 2 && w->address == (uintptr_t)page + 9 &&
			   w->error_code & DUNE_PF_WRITE && page[9] == 'y',
		   "write to a read-only page");
	dune_vm_protect(w->page, 4096, DUNE_PROT_READ | DUNE_PROT_WRITE);
	page[0] = (char)0xc3; /* ret */
	w->prot = DUNE_PROT_READ | DUNE_PROT_EXEC;
	((void (*)(void))w->page)();
	ktap_check(w->faults == 3 && w->error_code & DUNE_PF_FETCH,
		   "execution of a page without the right");
	ktap_check(dune_vm_protect(w->page + 1, 4096, 0) == -EINVAL &&
			   dune_vm_protect(w->page, 100, 0) == -EINVAL &&
			   dune_vm_protect(w->page, 4096, 16) == -EINVAL,
		   "bad arguments of protect");
}

/* What only the host knows of: unmapped memory. */
static void on_host_fault(uintptr_t address, uint32_t error_code,
			  struct dune_trap_frame *frame, void *arg)
{
	struct watch *watch = arg;

	(void)frame;
	watch->faults++;
	watch->error_code = error_code;
	mmap((void *)(address & ~4095ul), 4096, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

/* Keeps the compiler from knowing better. */
static uintptr_t hidden(uintptr_t address)
{
	asm("" : "+r"(address));
	return address;
}

static int died_by(void (*act)(void))
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		freopen("/dev/null", "w", stderr);
		act();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void do_ud2(void)
{
	asm volatile("ud2");
}

static void do_write_null(void)
{
	*(volatile char *)hidden(8) = 1;
}

static void do_write_kernel(void)
{
	*(volatile char *)0xffff888000000000 = 1;
}

static void do_write_text(void)
{
	*(volatile char *)do_ud2 = 0;
}

static void do_call_data(void)
{
	static char data[16] = { (char)0xc3 };

	((void (*)(void))data)();
}

/* Deeper than the stack is mapped at first: Linux grows it, no handler is asked. */
__attribute__((noinline)) static int recurse(int depth)
{
	volatile char frame[4096];

	frame[0] = (char)depth;
	return depth ? recurse(depth - 1) + frame[0] : 0;
}

static void on_unwanted_fault(uintptr_t address, uint32_t error,
			      struct dune_trap_frame *frame, void *arg)
{
	(void)address;
	(void)error;
	(void)frame;
	++*(volatile int *)arg;
}

static void overflow_with_handler(void)
{
	static volatile int unwanted;

	dune_pgfault_set(on_unwanted_fault, (void *)&unwanted);
	recurse(1 << 20);
}

static void on_icebp(struct dune_trap_frame *frame, void *arg)
{
	(void)frame;
	++*(volatile int *)arg;
}

static void on_no_icebp(struct dune_trap_frame *frame, void *arg)
{
	*(volatile int *)arg = -1;
	frame->rip++;
}

static void icebp(void)
{
	volatile int traps_seen = 0;

	dune_trap_set(DUNE_TRAP_DB, on_icebp, (void *)&traps_seen);
	dune_trap_set(DUNE_TRAP_UD, on_no_icebp, (void *)&traps_seen);
	asm volatile(".byte 0xf1" ::: "memory");
	if (traps_seen < 0)
		ktap_skip("INT1 traps behind itself", "this CPU has no INT1");
	else
		ktap_check(traps_seen == 1, "INT1 traps behind itself");
	dune_trap_set(DUNE_TRAP_DB, NULL, NULL);
	dune_trap_set(DUNE_TRAP_UD, NULL, NULL);
}

static void note_vector(struct dune_trap_frame *frame, void *arg)
{
	*(uint64_t *)arg = frame->vector;
}

static void do_interrupt(void)
{
	asm volatile("int $0x41");
}

static void interrupts(void)
{
	uint64_t seen = 0;

	dune_trap_set(0x40, note_vector, &seen);
	asm volatile("int $0x40");
	ktap_check(seen == 0x40, "an interrupt and its handler");
	dune_trap_set(255, note_vector, &seen);
	asm volatile("int $255");
	ktap_check(seen == 255, "the last vector");
	ktap_check(died_by(do_interrupt) == SIGSEGV, "an interrupt without a handler: SIGSEGV");
}

/* The first exception learns that there is room; then there is none. */
static void stack_protected_by(size_t step)
{
	char *stack = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t at;
	int round;

	for (at = 0; at < 16384; at += step)
		dune_vm_protect(stack + at, step, DUNE_PROT_WRITE);
	for (round = 0; round < 2; round++) {
		asm volatile("mov %%rsp, %%rbx\n\tmov %0, %%rsp\n\tud2\n\tmov %%rbx, %%rsp"
			     ::"r"(stack + 16384) : "rbx", "memory");
		for (at = 0; at < 16384; at += step)
			dune_vm_protect(stack + at, step, DUNE_PROT_READ);
	}
}

static void stack_protected(void)
{
	stack_protected_by(16384);
}

static void stack_protected_singly(void)
{
	stack_protected_by(4096);
}

int main(void)
{
	volatile struct watch watch = { 0 };
	volatile int faults = 0;
	int depth = 8;

	ktap_plan(26);
	ktap_check(dune_trap_set(256, skip_ud2, NULL) == -EINVAL &&
			   dune_trap_set(8, skip_ud2, NULL) == -EINVAL,
		   "vectors that cannot be set are refused");
	must_init_and_enter();
	ktap_check(died_by(do_ud2) == SIGILL, "no handler: SIGILL");
	ktap_check(died_by(do_write_null) == SIGSEGV, "write to address 8: SIGSEGV");
	ktap_check(died_by(do_write_kernel) == SIGSEGV, "write to a kernel address: SIGSEGV");
	ktap_check(died_by(do_write_text) == SIGSEGV, "write to program text: SIGSEGV");
	ktap_check(died_by(do_call_data) == SIGSEGV, "call of data: SIGSEGV");

	dune_trap_set(DUNE_TRAP_UD, skip_ud2, NULL);
	ktap_check(registers_survive() && traps == 1, "registers, flags and red zone survive");
	ktap_check(registers_survive() && traps == 2, "and once more, on a stack that is known");
	dune_trap_set(DUNE_TRAP_UD, clobber_and_skip, NULL);
	ktap_check(vectors_survive() && traps == 3,
		   "vector registers survive a handler that uses them");
	dune_trap_set(DUNE_TRAP_UD, nested, &depth);
	asm volatile("ud2");
	ktap_check(depth == 0 && traps == 11, "exceptions nest");
	interrupts();
	dune_trap_set(DUNE_TRAP_UD, skip_ud2, NULL);
	ktap_check(died_by(stack_protected) == SIGILL,
		   "on a stack that was made read-only after an exception: SIGILL");
	ktap_check(died_by(stack_protected_singly) == SIGILL,
		   "on one that was made read-only page by page: SIGILL");
	dune_trap_set(DUNE_TRAP_UD, NULL, NULL);
	ktap_check(died_by(do_ud2) == SIGILL, "handler taken away: SIGILL again");

	watch.page = aligned_alloc(4096, 4096);
	/* Readable, writable and executable for the host: the guest's tables decide. */
	mprotect(watch.page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
	memset(watch.page, 'x', 4096);
	dune_pgfault_set(on_fault, (void *)&watch);
	page_protection(&watch);

	watch.faults = 0;
	dune_pgfault_set(on_host_fault, (void *)&watch);
	*(volatile char *)0x700000001000 = 1;
	ktap_check(watch.faults == 1 && watch.error_code & DUNE_PF_HOST,
		   "unmapped memory reaches the page-fault handler");
	munmap((void *)0x700000001000, 4096);
	*(volatile char *)0x700000001000 = 1;
	ktap_check(watch.faults == 2, "unmapping is noticed");
	faults = 0;
	dune_pgfault_set(on_unwanted_fault, (void *)&faults);
	ktap_check(recurse(500) != -1 && faults == 0, "a stack grows beside a page-fault handler");
	ktap_check(died_by(overflow_with_handler) == SIGSEGV,
		   "a stack overflow beside a page-fault handler: SIGSEGV");
	icebp();
	dune_pgfault_set(NULL, NULL);
	ktap_check(died_by(do_write_null) == SIGSEGV, "no page-fault handler: SIGSEGV again");
	return ktap_exit_status();
}
