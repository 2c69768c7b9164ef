// SPDX-License-Identifier: MIT
/* A program in ring 3 under libdune that wants ring 0: ring-attack WAY. Says "held" if it fails. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

struct table {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

static uint64_t idt(void)
{
	struct table table;

	asm volatile("sidt %0" : "=m"(table));
	return table.base;
}

static uint64_t gdt(void)
{
	struct table table;

	asm volatile("sgdt %0" : "=m"(table));
	return table.base;
}

static uint64_t ring(void)
{
	uint64_t cs;

	asm volatile("mov %%cs, %0" : "=r"(cs));
	return cs & 3;
}

static void verdict(int held)
{
	puts(held ? "held" : "ESCAPED");
	fflush(stdout);
	_exit(0);
}

static void fault_is_good(int signal)
{
	(void)signal;
	verdict(ring() == 3);
}

/* A frame of its own, with ring 0's selectors, for libdune's request to return by one. */
static void request_iret(void)
{
	static uint64_t frame[22];
	long result;

	asm volatile("lea 1f(%%rip), %%rax\n\tmov %%rax, 17*8(%%rdi)\n\tmov %%rsp, 20*8(%%rdi)\n\t"
		     "movq $0x10, 18*8(%%rdi)\n\tmovq $0x202, 19*8(%%rdi)\n\t"
		     "movq $0x18, 21*8(%%rdi)\n\t"
		     "mov $0x44554e47, %%eax\n\tsyscall\n1:"
		     : "=a"(result)
		     : "D"(frame)
		     : "rcx", "r11", "memory");
	verdict(ring() == 3 && result == -ENOSYS);
}

static void request_leave(void)
{
	verdict(syscall(0x44554e45) == -1 && errno == ENOSYS);
}

static void nothing(int signal)
{
	(void)signal;
}

/* Whoever pushes the signal's frame would write into the table of gates. */
static void frame_there(void)
{
	struct sigaction action = { .sa_handler = nothing };
	uint64_t there = idt() + 4096, saved;

	sigaction(SIGILL, &action, NULL);
	signal(SIGSEGV, SIG_DFL);
	asm volatile("mov %%rsp, %0\n\tmov %1, %%rsp\n\tud2\n\tmov %0, %%rsp"
		     : "=&b"(saved)
		     : "r"(there)
		     : "memory");
	verdict(0);
}

/* A stack pointer into its thread's block, and code of libdune's: ring 0 for all rip says. */
static void lock_signals(void)
{
	static char alternate[65536];
	const stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
	struct sigaction action = { .sa_handler = fault_is_good, .sa_flags = SA_ONSTACK };

	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &action, NULL);
	asm volatile("mov %0, %%rsp\n\tjmp *%1"
		     ::"r"((gdt() & ~0x1ffffull) + 0x7f00), "r"(idt() & ~4095ull));
}

/* Maps the run page of its vCPU, if it finds the descriptor. */
static void map_run_page(void)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;
	int found = 0;

	while (folder && (entry = readdir(folder))) {
		int fd = atoi(entry->d_name);
		char to[128] = "";

		if (readlinkat(dirfd(folder), entry->d_name, to, sizeof(to) - 1) < 0 ||
		    !strstr(to, "dune"))
			continue;
		found++;
		if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED)
			verdict(0);
	}
	verdict(found > 0);
}

static void move_heap(void)
{
	struct prctl_mm_map map = { .start_brk = idt() & ~4095ull, .brk = idt() + 4096 };

	/* Linux looks at half of the number. */
	verdict(prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0) == -1 && errno == EPERM &&
		syscall(SYS_prctl, PR_SET_MM | 1l << 32, PR_SET_MM_MAP, &map, sizeof(map), 0) ==
			-1 && errno == EPERM);
}

static volatile int handled;

static void count(int signal)
{
	(void)signal;
	handled = handled + 1;
}

/* Not an attack: what a hook in between must not lose. */
static void suspend(void)
{
	struct itimerval often = { { 0, 50000 }, { 0, 50000 } };
	sigset_t blocked, none;
	int i;

	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGALRM);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGALRM, count);
	setitimer(ITIMER_REAL, &often, NULL);
	for (i = 0; i < 5; i++)
		sigsuspend(&none);
	verdict(handled == 5);
}

static int pipes[2];

static void feed(int signal)
{
	count(signal);
	if (handled == 2 && write(pipes[1], "x", 1) != 1)
		_exit(1);
}

/* The same of vector registers. */
static void vectors(void)
{
	struct sigaction action = { .sa_handler = feed, .sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 100000 }, { 0, 100000 } };
	uint64_t before = 0x1234, after = 0;
	long got = SYS_read;
	char byte;

	if (pipe(pipes))
		_exit(1);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	asm volatile("movq %2, %%xmm0\n\tmovq %2, %%xmm1\n\tsyscall\n\tpaddq %%xmm1, %%xmm0\n\t"
		     "movq %%xmm0, %1"
		     : "+a"(got), "=r"(after)
		     : "r"(before), "D"(pipes[0]), "S"(&byte), "d"(1)
		     : "rcx", "r11", "memory", "xmm0", "xmm1");
	verdict(got == 1 && after == 2 * before);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} ways[] = {
		{ "request-iret", request_iret }, { "request-leave", request_leave },
		{ "frame-there", frame_there },   { "lock-signals", lock_signals },
		{ "map-run-page", map_run_page }, { "move-heap", move_heap },
		{ "suspend", suspend },		  { "vectors", vectors },
	};
	unsigned int i;

	signal(SIGSEGV, fault_is_good);
	for (i = 0; argc > 1 && i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(argv[1], ways[i].name))
			ways[i].run();
	return 2;
}
