// SPDX-License-Identifier: MIT
/* A program that knows nothing of libdune: signals, threads, steps; then what ring 3 may not do. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int signals;
static int pipes[2];

static void say(const char *what, long value)
{
	char line[100];
	int n = snprintf(line, sizeof(line), "%s: %ld\n", what, value);

	if (write(1, line, (size_t)n) != n)
		_exit(1);
}

static void handle(int signal, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags };

	sigaction(signal, &action, NULL);
}

static void timer(long first, long every)
{
	struct itimerval t = { .it_value.tv_usec = first, .it_interval.tv_usec = every };

	setitimer(ITIMER_REAL, &t, NULL);
}

static void count(int signal, siginfo_t *info, void *context)
{
	uint16_t cs;

	(void)info;
	(void)context;
	asm volatile("mov %%cs, %0" : "=r"(cs));
	if ((cs & 3) != 3 || signal != info->si_signo)
		_exit(9);
	signals = signals + 1;
	if (signals == 500)
		timer(0, 0); /* a slow kernel may do nothing else */
}

/* The second one ends the read that the first one interrupted. */
static void feed(int signal, siginfo_t *info, void *context)
{
	count(signal, info, context);
	if (signals == 2 && write(pipes[1], "x", 1) != 1)
		_exit(1);
}

static void restarted(void)
{
	char byte = 0;

	signals = 0;
	handle(SIGALRM, feed, SA_RESTART);
	timer(50000, 50000);
	say("read, restarted", read(pipes[0], &byte, 1));
	timer(0, 0);
	say("its byte", byte);
	handle(SIGALRM, count, 0);
	timer(50000, 0);
	say("read, interrupted", read(pipes[0], &byte, 1) < 0 ? errno : 0);
}

static void *sum(void *arg)
{
	uint64_t n = (uint64_t)arg, total = 0, i;

	for (i = 1; i <= n; i++) {
		asm volatile("add %1, %0" : "+r"(total) : "r"(i));
		if (!(i & 255))
			syscall(SYS_getppid);
	}
	return (void *)total;
}

static void rain(void)
{
	pthread_t others[3];
	void *total;
	int i;

	signals = 0;
	timer(1, 500);
	for (i = 0; i < 3; i++)
		pthread_create(&others[i], NULL, sum, (void *)100000ul);
	say("sum of main", (long)sum((void *)100000ul));
	for (i = 0; i < 3; i++) {
		pthread_join(others[i], &total);
		say("sum of a thread", (long)total);
	}
	timer(0, 0);
	say("under a rain of signals", signals > 3);
}

static bool only(const sigset_t *set, int signal)
{
	int i;

	for (i = 1; i < NSIG; i++)
		if (i != SIGKILL && i != SIGSTOP && sigismember(set, i) == (i != signal))
			return false;
	return true;
}

/* The mask is what the program made it, whenever a signal comes. */
static void masks(void)
{
	sigset_t mine, before, none;
	int wrong = 0, suspended = 0;

	sigemptyset(&none);
	sigemptyset(&mine);
	sigaddset(&mine, SIGUSR2);
	sigprocmask(SIG_SETMASK, &mine, NULL);
	signals = 0;
	timer(1, 300);
	while (signals < 200) {
		sigprocmask(SIG_BLOCK, &none, &before);
		wrong += !only(&before, SIGUSR2);
		sigprocmask(SIG_SETMASK, &before, NULL);
	}
	while (signals < 400) {
		suspended = sigsuspend(&none) < 0 ? errno : 0;
		sigprocmask(SIG_BLOCK, &none, &before);
		wrong += !only(&before, SIGUSR2);
	}
	timer(0, 0);
	sigprocmask(SIG_SETMASK, &none, NULL);
	say("a wrong mask in the rain", wrong);
	say("suspended", suspended);
}

#define CROWD 80 /* more than there is room for at first */

static void *wait_for_all(void *barrier)
{
	pthread_barrier_wait(barrier);
	return sum((void *)10ul);
}

static void crowd(void)
{
	pthread_barrier_t barrier;
	pthread_t threads[CROWD];
	long n = 0;
	void *ten;
	int i;

	pthread_barrier_init(&barrier, NULL, CROWD + 1);
	for (i = 0; i < CROWD; i++)
		if (pthread_create(&threads[i], NULL, wait_for_all, &barrier))
			_exit(8);
	pthread_barrier_wait(&barrier);
	for (i = 0; i < CROWD; i++) {
		pthread_join(threads[i], &ten);
		n += (long)ten;
	}
	say("a crowd of threads", n);
}

static volatile int steps;

static void step(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	steps = steps + (info->si_code == TRAP_TRACE);
}

static void stepped(void)
{
	handle(SIGTRAP, step, 0);
	asm volatile("pushf\n\torq $0x100, (%%rsp)\n\tpopf\n\tnop\n\tnop\n\t"
		     "pushf\n\tandq $~0x100, (%%rsp)\n\tpopf\n\tnop" ::: "memory");
	say("steps, some", steps > 3 && steps < 9);
	asm volatile("int3");
	say("and no more behind a breakpoint", steps < 9);
}

static void children(void)
{
	int status = -1;
	pid_t child = fork();

	if (!child)
		_exit((int)(uintptr_t)sum((void *)10ul));
	waitpid(child, &status, 0);
	say("fork", WEXITSTATUS(status));
	child = vfork();
	if (!child) {
		execl("/proc/self/exe", "ring-probe", "ring", NULL);
		_exit(127);
	}
	waitpid(child, &status, 0);
	say("vfork and exec", WEXITSTATUS(status));
}

static sigjmp_buf back;
static volatile long fault_at;

static void jump_back(int signal, siginfo_t *info, void *context)
{
	(void)context;
	fault_at = (long)info->si_addr;
	siglongjmp(back, signal);
}

#define ENDS_IN(name, instruction, ...) do { \
	int ended = sigsetjmp(back, 1); \
	if (!ended) \
		asm volatile(instruction ::__VA_ARGS__ : "memory"); \
	say(name, ended); \
} while (0)

static void forbidden(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) idt;
	char *ours;

	asm volatile("sidt %0" : "=m"(idt));
	ours = (char *)(idt.base & ~4095ul);
	handle(SIGSEGV, jump_back, SA_ONSTACK);
	handle(SIGILL, jump_back, SA_ONSTACK);
	ENDS_IN("hlt", "hlt", "a"(0));
	ENDS_IN("mov to cr3", "mov %0, %%cr3", "r"(0ul));
	ENDS_IN("wrmsr", "wrmsr", "c"(0xc0000082), "a"(0), "d"(0));
	ENDS_IN("hypercall", "vmmcall", "a"(39));
	ENDS_IN("read of the IDT", "mov (%0), %%rax", "r"(ours));
	say("at its address", fault_at == (long)ours || (long)ours < 0);
	ENDS_IN("write of the IDT", "movq $0, (%0)", "r"(ours));
	ENDS_IN("jump there", "jmp *%0", "r"(ours));
	ENDS_IN("a stack there", "mov %0, %%rsp\n\tpush %%rax", "r"(ours + 64));
}

/* What Linux is not to be asked about: libdune's memory. */
static void mappings(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) idt;
	char *ours;

	asm volatile("sidt %0" : "=m"(idt));
	ours = (char *)(idt.base & ~4095ul);
	say("munmap", munmap(ours, 4096) ? errno : 0);
	say("munmap from below", munmap(ours - 8192, 1 << 20) ? errno : 0);
	say("mprotect", mprotect(ours, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) ? errno : 0);
	say("mmap", mmap(ours, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
			    MAP_FAILED ? errno : 0);
	say("mremap", mremap(ours, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED ? errno : 0);
	say("madvise", madvise(ours, 4096, MADV_DONTNEED) ? errno : 0);
}

int main(int argc, char **argv)
{
	static char altstack[65536];
	const stack_t stack = { .ss_sp = altstack, .ss_size = sizeof(altstack) };
	uint16_t cs;

	asm volatile("mov %%cs, %0" : "=r"(cs));
	if (argc > 1 && !strcmp(argv[1], "ring"))
		return cs & 3;
	if (argc > 1 && !strcmp(argv[1], "mappings")) {
		mappings();
		return 0;
	}
	say("ring", cs & 3);
	if (pipe(pipes))
		return 1;
	sigaltstack(&stack, NULL);
	restarted();
	rain();
	masks();
	crowd();
	stepped();
	children();
	forbidden();
	return 0;
}
