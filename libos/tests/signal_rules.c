// SPDX-License-Identifier: MIT
/*
 * The rules of signals, one by one: what a handler finds and what its return
 * leads to. Each is checked twice, by Linux's own delivery first: a check that
 * Linux does not pass is wrong about signals.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/ucontext.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/dune_mode.h"

static volatile sig_atomic_t seen, order[8];
static siginfo_t got;
static ucontext_t context;
static sigset_t blocked_inside;
static stack_t stack_inside;
static void *volatile frame_inside;
static sigjmp_buf jump;

/* libc declares raise() and its like as calling nothing of ours: they do. */
#define BARRIER asm volatile("" ::: "memory")

static void note(int signal, siginfo_t *info, void *ucontext)
{
	order[seen & 7] = signal;
	seen = seen + 1;
	got = *info;
	context = *(ucontext_t *)ucontext;
	frame_inside = __builtin_frame_address(0);
	sigprocmask(SIG_BLOCK, NULL, &blocked_inside);
	sigaltstack(NULL, &stack_inside);
}

static void handle(int signal, void (*handler)(int, siginfo_t *, void *), int flags, int also)
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO };

	if (also)
		sigaddset(&action.sa_mask, also);
	sigaction(signal, &action, NULL);
	seen = 0;
}

static void send(int signal)
{
	raise(signal);
	BARRIER;
}

static bool is_blocked(int signal)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	return sigismember(&set, signal);
}

static bool masks(void)
{
	bool ok;

	handle(SIGUSR1, note, 0, SIGUSR2);
	send(SIGUSR1);
	ok = seen == 1 && sigismember(&blocked_inside, SIGUSR1) &&
	     sigismember(&blocked_inside, SIGUSR2) && !sigismember(&blocked_inside, SIGTERM);
	return ok && !is_blocked(SIGUSR1) && !is_blocked(SIGUSR2);
}

static bool no_defer(void)
{
	handle(SIGUSR1, note, SA_NODEFER, 0);
	send(SIGUSR1);
	return seen == 1 && !sigismember(&blocked_inside, SIGUSR1);
}

static bool reset_hand(void)
{
	struct sigaction now;

	handle(SIGUSR1, note, (int)SA_RESETHAND, 0);
	send(SIGUSR1);
	return seen == 1 && !sigaction(SIGUSR1, NULL, &now) && now.sa_handler == SIG_DFL;
}

static bool action_is_told(void)
{
	struct sigaction now;

	handle(SIGUSR1, note, SA_RESTART | SA_NODEFER, SIGUSR2);
	return !sigaction(SIGUSR1, NULL, &now) && now.sa_sigaction == note &&
	       (now.sa_flags & (SA_RESTART | SA_NODEFER | SA_SIGINFO)) ==
		       (SA_RESTART | SA_NODEFER | SA_SIGINFO) &&
	       sigismember(&now.sa_mask, SIGUSR2) && !sigismember(&now.sa_mask, SIGUSR1);
}

static bool bad_actions(void)
{
	struct sigaction action = { .sa_handler = SIG_IGN };

	return sigaction(SIGKILL, &action, NULL) == -1 && errno == EINVAL &&
	       sigaction(65, &action, NULL) == -1 && errno == EINVAL &&
	       syscall(SYS_rt_sigaction, SIGUSR1, 8, NULL, 8) == -1 && errno == EFAULT &&
	       syscall(SYS_rt_sigaction, SIGUSR1, NULL, 8, 8) == -1 && errno == EFAULT &&
	       syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4) == -1 && errno == EINVAL;
}

static bool sender_and_value(void)
{
	union sigval value = { .sival_int = 42 };
	bool ok;

	handle(SIGRTMIN + 1, note, 0, 0);
	sigqueue(getpid(), SIGRTMIN + 1, value);
	BARRIER;
	ok = seen == 1 && got.si_code == SI_QUEUE && got.si_pid == getpid() &&
	     got.si_value.sival_int == 42;
	handle(SIGUSR1, note, 0, 0);
	kill(getpid(), SIGUSR1);
	BARRIER;
	return ok && seen == 1 && got.si_code == SI_USER && got.si_uid == getuid();
}

/* Two wait: both run, the one with the higher number nearer to the program's code. */
static bool two_at_once(void)
{
	sigset_t both;

	handle(SIGUSR2, note, 0, 0);
	handle(SIGUSR1, note, 0, 0);
	sigemptyset(&both);
	sigaddset(&both, SIGUSR1);
	sigaddset(&both, SIGUSR2);
	sigprocmask(SIG_BLOCK, &both, NULL);
	send(SIGUSR2);
	send(SIGUSR1);
	if (seen)
		return false;
	sigprocmask(SIG_UNBLOCK, &both, NULL);
	return seen == 2 && order[0] == SIGUSR2 && order[1] == SIGUSR1;
}

static bool realtime_order(void)
{
	union sigval value = { .sival_int = 0 };
	sigset_t set;

	handle(SIGRTMIN + 2, note, 0, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (value.sival_int = 1; value.sival_int <= 3; value.sival_int++)
		sigqueue(getpid(), SIGRTMIN + 2, value);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	BARRIER;
	return seen == 3; /* queued, each of them */
}

static char big_stack[1 << 16] __attribute__((aligned(16)));

static bool alternate_stack(void)
{
	stack_t stack = { .ss_sp = big_stack, .ss_size = sizeof(big_stack) }, now;
	char *frame;
	bool ok;

	if (sigaltstack(&stack, NULL))
		return false;
	handle(SIGUSR1, note, SA_ONSTACK, 0);
	send(SIGUSR1);
	frame = frame_inside;
	ok = frame > big_stack && frame < big_stack + sizeof(big_stack) &&
	     stack_inside.ss_flags == SS_ONSTACK && stack_inside.ss_sp == big_stack;
	handle(SIGUSR1, note, 0, 0);
	send(SIGUSR1);
	frame = frame_inside;
	ok &= frame < big_stack || frame > big_stack + sizeof(big_stack);
	ok &= !sigaltstack(NULL, &now) && now.ss_flags == 0 && now.ss_size == sizeof(big_stack);
	stack.ss_size = 100;
	ok &= sigaltstack(&stack, NULL) == -1 && errno == ENOMEM;
	stack.ss_flags = 77;
	ok &= sigaltstack(&stack, NULL) == -1 && errno == EINVAL;
	stack.ss_flags = SS_DISABLE;
	return ok && !sigaltstack(&stack, NULL) && !sigaltstack(NULL, &now) &&
	       now.ss_flags == SS_DISABLE;
}

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
	/* The parent's write to a TF that a popf sets: one trap an instruction. */
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

static void change_vectors(int signal, siginfo_t *info, void *ucontext)
{
	ucontext_t *uc = ucontext;

	note(signal, info, ucontext);
	asm volatile("pcmpeqb %%xmm3, %%xmm3\n\tpcmpeqb %%xmm4, %%xmm4" ::: "xmm3", "xmm4");
	uc->uc_mcontext.fpregs->_xmm[4].element[0] = 0x77;
}

/* The handler's own use is undone at its return; what it writes into the frame is not. */
static bool vectors_in_the_frame(void)
{
	unsigned int in[4] = { 1, 2, 3, 4 }, three[4], four[4];

	handle(SIGUSR1, change_vectors, 0, 0);
	asm volatile("movdqu %2, %%xmm3\n\tmovdqu %2, %%xmm4\n\t"
		     "mov %3, %%edi\n\tmov %4, %%esi\n\tmov %5, %%eax\n\tsyscall\n\t"
		     "movdqu %%xmm3, %0\n\tmovdqu %%xmm4, %1"
		     : "=m"(three), "=m"(four)
		     : "m"(in), "r"(getpid()), "i"(SIGUSR1), "i"(SYS_kill)
		     : "rdi", "rsi", "rax", "rcx", "r11", "xmm3", "xmm4", "memory");
	return seen == 1 && !memcmp(in, three, sizeof(in)) && four[0] == 0x77 && four[1] == 2;
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

static void raise_other(int signal, siginfo_t *info, void *ucontext)
{
	note(signal, info, ucontext);
	if (signal == SIGUSR1)
		send(SIGUSR2);
	order[seen & 7] = -signal;
	seen = seen + 1;
}

static bool nested(void)
{
	handle(SIGUSR2, raise_other, 0, 0);
	handle(SIGUSR1, raise_other, 0, 0);
	send(SIGUSR1);
	return seen == 4 && order[0] == SIGUSR1 && order[1] == SIGUSR2 && order[2] == -SIGUSR2 &&
	       order[3] == -SIGUSR1;
}

/* The mask of the wait holds for the wait alone; the handler runs before it returns. */
static bool waits_with_masks(void)
{
	struct timespec second = { 1, 0 };
	sigset_t set, empty;
	int pipes[2];
	struct pollfd poll = { .events = POLLIN };
	bool ok;

	if (pipe(pipes))
		return false;
	poll.fd = pipes[0];
	sigemptyset(&empty);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	handle(SIGUSR1, note, SA_RESTART, 0);
	sigprocmask(SIG_BLOCK, &set, NULL);
	send(SIGUSR1);
	ok = !seen && sigsuspend(&empty) == -1 && errno == EINTR && seen == 1 &&
	     is_blocked(SIGUSR1) && sigismember(&context.uc_sigmask, SIGUSR1);
	send(SIGUSR1);
	ok &= ppoll(&poll, 1, &second, &empty) == -1 && errno == EINTR && seen == 2;
	send(SIGUSR1);
	ok &= pselect(0, NULL, NULL, NULL, &second, &empty) == -1 && errno == EINTR && seen == 3;
	ok &= is_blocked(SIGUSR1);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	close(pipes[0]);
	close(pipes[1]);
	return ok && seen == 3;
}

static bool wait_info(void)
{
	siginfo_t info;
	sigset_t set;
	bool ok;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	handle(SIGUSR1, note, 0, 0);
	sigprocmask(SIG_BLOCK, &set, NULL);
	send(SIGUSR1);
	ok = sigwaitinfo(&set, &info) == SIGUSR1 && info.si_pid == getpid() && !seen;
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return ok && !seen;
}

/* Blocked or ignored: a fault ends the process all the same. */
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

static volatile int ticks;

static void tick(int signal)
{
	(void)signal;
	ticks = ticks + 1;
}

/* Interrupted everywhere, thousands of times: results of calls and sums stay right. */
static bool storm(void)
{
	struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { 0 };
	unsigned long sum = 0, i;
	char buffer[64];
	int pipes[2];
	bool ok = true;

	if (pipe(pipes))
		return false;
	ticks = 0;
	signal(SIGALRM, tick); /* SA_RESTART */
	setitimer(ITIMER_REAL, &often, NULL);
	for (i = 0; ok && (i < 500 || ticks < 20); i++) {
		ok = write(pipes[1], &i, sizeof(i)) == sizeof(i) &&
		     read(pipes[0], buffer, sizeof(buffer)) == sizeof(i) &&
		     !memcmp(buffer, &i, sizeof(i)) && getppid() > 0;
		sum += i;
	}
	setitimer(ITIMER_REAL, &never, NULL);
	close(pipes[0]);
	close(pipes[1]);
	return ok && sum == i * (i - 1) / 2;
}

static bool profiling(void)
{
	struct itimerval often = { { 0, 4000 }, { 0, 4000 } }, never = { 0 };

	ticks = 0;
	signal(SIGPROF, tick);
	setitimer(ITIMER_PROF, &often, NULL);
	while (ticks < 3)
		;
	setitimer(ITIMER_PROF, &never, NULL);
	return true;
}

static void rules(const char *where)
{
	static const struct {
		bool (*check)(void);
		const char *name;
	} checks[] = {
		{ masks, "the handler's mask, and the old one after it" },
		{ no_defer, "SA_NODEFER" },
		{ reset_hand, "SA_RESETHAND" },
		{ action_is_told, "sigaction tells what was set" },
		{ bad_actions, "sigaction with bad arguments" },
		{ sender_and_value, "who sent it, and what with it" },
		{ two_at_once, "two at once" },
		{ realtime_order, "realtime signals queue" },
		{ alternate_stack, "sigaltstack" },
		{ fault_unmapped, "SIGSEGV on nothing" },
		{ fault_protected, "SIGSEGV on a read-only page" },
		{ fault_far_away, "SIGSEGV outside user space" },
		{ fault_past_the_end, "SIGBUS past the end of a file" },
		{ exceptions, "SIGILL, SIGFPE, SIGTRAP" },
		{ simd_exception, "SIGFPE of a division of doubles" },
		{ vectors_in_the_frame, "vector registers in the frame" },
		{ stack_overflow, "a stack that is full, and siglongjmp" },
		{ nested, "a signal in a handler" },
		{ waits_with_masks, "sigsuspend, ppoll, pselect" },
		{ wait_info, "sigwaitinfo" },
		{ storm, "interrupted everywhere" },
		{ profiling, "SIGPROF" },
	};
	unsigned int i;

	for (i = 0; i < sizeof(checks) / sizeof(*checks); i++)
		ktap_check(checks[i].check(), "%s: %s", where, checks[i].name);
	ktap_check(fatal_fault(0) == SIGSEGV, "%s: a fault ends the process", where);
	ktap_check(fatal_fault(1) == SIGSEGV, "%s: a fault with SIGSEGV blocked", where);
	ktap_check(fatal_fault(2) == SIGSEGV, "%s: a fault with SIGSEGV ignored", where);
}

int main(void)
{
	ktap_plan(50);
	rules("Linux");
	freopen("/dev/null", "w", stderr); /* libdune says where it was */
	must_init_and_enter();
	rules("Dune");
	return ktap_exit_status();
}
