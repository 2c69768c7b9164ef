// SPDX-License-Identifier: MIT
/* Faults and exceptions as signals: each by Linux's own delivery first, then in Dune mode. */
#include <pthread.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/dune_mode.h"
#include "lib/noted.h"

static sigjmp_buf jump;
static char big_stack[1 << 16] __attribute__((aligned(16)));

static void fix_and_return(int signal, siginfo_t *info, void *ucontext)
{
	ucontext_t *uc = ucontext;

	note(signal, info, ucontext);
	uc->uc_mcontext.gregs[REG_RIP] += uc->uc_mcontext.gregs[REG_RBX];
	uc->uc_mcontext.gregs[REG_R12] = 0x1234;
}

/* An instruction of rbx bytes that faults: the handler steps over it and sets r12. */
#define FAULT(insn, size)                                                               \
	({                                                                              \
		unsigned long r12_;                                                     \
		void *at_;                                                              \
											\
		asm volatile("xor %%r12d, %%r12d\n\tmov $" #size ", %%ebx\n\t"          \
			     "lea 1f(%%rip), %%rdx\n1:\t" insn "\n\tmov %%r12, %0"      \
			     : "=r"(r12_), "=d"(at_)                                    \
			     : "a"(target), "c"(0)                                      \
			     : "rbx", "r12", "memory", "cc");                           \
		rip_of_fault = at_;                                                     \
		r12_ == 0x1234 && (void *)context.uc_mcontext.gregs[REG_RIP] == at_;    \
	})

static void *rip_of_fault;

static bool fault_unmapped(void)
{
	char *target = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool ok;

	munmap(target, 4096);
	handle(SIGSEGV, fix_and_return, 0, 0);
	target += 8;
	ok = FAULT("movb (%%rax), %%cl", 2) && seen == 1 && got.si_code == SEGV_MAPERR &&
	     got.si_addr == target && context.uc_mcontext.gregs[REG_TRAPNO] == 14 &&
	     (uintptr_t)context.uc_mcontext.gregs[REG_CR2] == (uintptr_t)target &&
	     (context.uc_mcontext.gregs[REG_ERR] & 6) == 4;
	return ok && !is_blocked(SIGSEGV);
}

static bool fault_protected(void)
{
	char *target = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool ok;

	handle(SIGSEGV, fix_and_return, 0, 0);
	ok = FAULT("movb %%cl, (%%rax)", 2) && seen == 1 && got.si_code == SEGV_ACCERR &&
	     got.si_addr == target && (context.uc_mcontext.gregs[REG_ERR] & 6) == 6;
	munmap(target, 4096);
	return ok;
}

/* Beyond what user space has: the CPU's page fault, or for a non-canonical address its #GP. */
static bool fault_far_away(void)
{
	char *target = (char *)0xffff800000000000ul;
	bool ok;

	handle(SIGSEGV, fix_and_return, 0, 0);
	ok = FAULT("movb (%%rax), %%cl", 2) && seen == 1 && got.si_code == SEGV_MAPERR &&
	     got.si_addr == target;
	target = (char *)0x8000000000000000ul;
	return ok && FAULT("movb (%%rax), %%cl", 2) && seen == 2 && got.si_code == SI_KERNEL &&
	       got.si_addr == NULL;
}

static bool fault_past_the_end(void)
{
	int fd = (int)syscall(SYS_memfd_create, "end", 0);
	char *target = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	bool ok;

	handle(SIGBUS, fix_and_return, 0, 0);
	ok = FAULT("movb (%%rax), %%cl", 2) && seen == 1 && got.si_code == BUS_ADRERR &&
	     got.si_addr == target;
	munmap(target, 4096);
	close(fd);
	return ok;
}

static bool exceptions(void)
{
	char *target = NULL;
	bool ok;

	handle(SIGILL, fix_and_return, 0, 0);
	ok = FAULT("ud2", 2) && got.si_code == ILL_ILLOPN && got.si_addr == rip_of_fault;
	handle(SIGFPE, fix_and_return, 0, 0);
	ok &= FAULT("div %%ecx", 2) && got.si_code == FPE_INTDIV && got.si_addr == rip_of_fault;
	handle(SIGTRAP, note, 0, 0);
	asm volatile("int3");
	ok &= seen == 1 && got.si_code == SI_KERNEL;
	/* TF set by a popf: one trap an instruction. */
	handle(SIGTRAP, note, 0, 0);
	asm volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tnop\n\t"
		     "pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
	return ok && seen >= 2 && got.si_code == TRAP_TRACE;
}

static bool simd_exception(void)
{
	unsigned int masked = 0x1f80, open = 0x1f80 & ~(1u << 9); /* zero divide */
	double zero = 0, one = 1;
	char *target = NULL;
	bool ok;

	handle(SIGFPE, fix_and_return, 0, 0);
	asm volatile("ldmxcsr %0\n\tmovsd %1, %%xmm0\n\tmovsd %2, %%xmm1"
		     ::"m"(open), "m"(one), "m"(zero) : "xmm0", "xmm1");
	ok = FAULT("divsd %%xmm1, %%xmm0", 4) && seen == 1 && got.si_code == FPE_FLTDIV;
	asm volatile("ldmxcsr %0" ::"m"(masked));
	return ok;
}

static void leap(int signal, siginfo_t *info, void *ucontext)
{
	note(signal, info, ucontext);
	siglongjmp(jump, 1);
}

/* Out of the handler of a stack that is full: again and again. */
static __attribute__((noinline)) int overflow(int depth)
{
	volatile char room[4096];

	room[0] = (char)depth;
	return depth < 0 ? 0 : overflow(depth + 1) + room[0];
}

static void *overflow_in_thread(void *arg)
{
	stack_t stack = { .ss_sp = big_stack, .ss_size = sizeof(big_stack) };
	volatile int i;
	bool *ok = arg;

	*ok = !sigaltstack(&stack, NULL);
	handle(SIGSEGV, leap, SA_ONSTACK, 0);
	for (i = 0; i < 3; i++)
		if (!sigsetjmp(jump, 1))
			overflow(0);
	*ok &= seen == 3 && !is_blocked(SIGSEGV);
	stack.ss_flags = SS_DISABLE;
	*ok &= !sigaltstack(&stack, NULL);
	return NULL;
}

static bool stack_overflow(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool ok = false;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 1 << 17);
	pthread_create(&thread, &attr, overflow_in_thread, &ok);
	pthread_join(thread, NULL);
	return ok;
}

static int fatal_fault(int how)
{
	sigset_t set;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		sigemptyset(&set);
		sigaddset(&set, SIGSEGV);
		if (how == 1)
			sigprocmask(SIG_BLOCK, &set, NULL);
		signal(SIGSEGV, how == 2 ? SIG_IGN : SIG_DFL);
		asm volatile("movl $1, 16" ::: "memory");
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

static const struct signal_check checks[] = {
	{ fault_unmapped, "SIGSEGV on nothing" },
	{ fault_protected, "SIGSEGV on a read-only page" },
	{ fault_far_away, "SIGSEGV outside user space" },
	{ fault_past_the_end, "SIGBUS past the end of a file" },
	{ exceptions, "SIGILL, SIGFPE, SIGTRAP" },
	{ simd_exception, "SIGFPE of a division of doubles" },
	{ stack_overflow, "a stack that is full, and siglongjmp" },
};
#define CHECKS (sizeof(checks) / sizeof(*checks))

static void all(const char *where)
{
	signal_checks(checks, CHECKS, where);
	ktap_check(fatal_fault(0) == SIGSEGV, "a fault ends the process, %s", where);
	ktap_check(fatal_fault(1) == SIGSEGV, "a fault with SIGSEGV blocked, %s", where);
	ktap_check(fatal_fault(2) == SIGSEGV, "a fault with SIGSEGV ignored, %s", where);
}

int main(void)
{
	ktap_plan(2 * (CHECKS + 3));
	all("natively");
	freopen("/dev/null", "w", stderr); /* libdune says where it was */
	must_init_and_enter();
	all("in Dune mode");
	return ktap_exit_status();
}
