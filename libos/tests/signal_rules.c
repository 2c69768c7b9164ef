// SPDX-License-Identifier: MIT
/*
 * The rules of signals, one by one: what a handler finds and what its return
 * leads to. Each is checked twice, by Linux's own delivery first: a check that
 * Linux does not pass is wrong about signals.
 */
#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/dune_mode.h"
#include "lib/noted.h"

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
static volatile int ticks;

static void tick(int signal)
{
	const struct itimerval never = { 0 };

	(void)signal;
	ticks = ticks + 1;
	if (ticks == 500)
		setitimer(ITIMER_REAL, &never, NULL); /* a slow kernel may do nothing else */
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

static const struct signal_check checks[] = {
	{ masks, "the handler's mask, and the old one after it" },
	{ no_defer, "SA_NODEFER" },
	{ reset_hand, "SA_RESETHAND" },
	{ action_is_told, "sigaction tells what was set" },
	{ bad_actions, "sigaction with bad arguments" },
	{ sender_and_value, "who sent it, and what with it" },
	{ two_at_once, "two at once" },
	{ realtime_order, "realtime signals queue" },
	{ alternate_stack, "sigaltstack" },
	{ vectors_in_the_frame, "vector registers in the frame" },
	{ nested, "a signal in a handler" },
	{ waits_with_masks, "sigsuspend, ppoll, pselect" },
	{ wait_info, "sigwaitinfo" },
	{ storm, "interrupted everywhere" },
	{ profiling, "SIGPROF" },
};
#define CHECKS (sizeof(checks) / sizeof(*checks))

int main(void)
{
	ktap_plan(2 * (CHECKS));
	signal_checks(checks, CHECKS, "natively");
	must_init_and_enter();
	signal_checks(checks, CHECKS, "in Dune mode");
	return ktap_exit_status();
}
