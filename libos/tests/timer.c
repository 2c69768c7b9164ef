// SPDX-License-Identifier: MIT
/* A thread's timer: when it comes, how often, where it waits, and what it costs in exits. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/dune_mode.h"

#define VECTOR 0x50
#define OTHER 0x51
#define NOBODYS 0x52
#define SOON 200000ull /* ticks: enough for some instructions, and little of the test's time */
#define FAR (1ull << 40)
#define STORM 10000

static volatile unsigned long came, others_came;
static volatile uint64_t came_at;

static uint64_t now(void)
{
	return __builtin_ia32_rdtsc();
}

static void cli(void)
{
	asm volatile("cli" ::: "memory");
}

static void sti(void)
{
	asm volatile("sti\n\tnop" ::: "memory");
}

static void on_timer(struct dune_trap_frame *frame, void *arg)
{
	(void)frame;
	(void)arg;
	came_at = now();
	came++;
}

static void on_other(struct dune_trap_frame *frame, void *arg)
{
	(void)frame;
	(void)arg;
	others_came++;
}

/* Whether it comes at all; if not, the program does not hang. */
static bool comes(unsigned long than)
{
	uint64_t start = now();

	while (came <= than && now() - start < FAR)
		__builtin_ia32_pause();
	return came > than;
}

/*
 * Do something before the deadline, which is soon; on a machine that was too slow for that,
 * once more, with a later one.
 */
#define IN_TIME(deadline, what)                                         \
	for (uint64_t soon_ = SOON;; soon_ *= 4) {                      \
		deadline = now() + soon_;                               \
		dune_timer_set(deadline);                               \
		before = came;                                          \
		what;                                                   \
		if (now() < deadline)                                   \
			break;                                          \
		if (!dune_in_guest())                                   \
			must_enter();                                   \
		dune_timer_open(VECTOR, 0);                             \
	}

static void spin_until(uint64_t time)
{
	while (now() < time)
		__builtin_ia32_pause();
}

static void refusals(void)
{
	ktap_check(dune_timer_open(VECTOR, 0) == -EPERM && dune_timer_set(0) == -EPERM &&
			   dune_timer_close() == -EPERM && dune_timer_get() == DUNE_TIMER_NEVER,
		   "in Linux mode: EPERM");
	must_enter();
	ktap_check(dune_timer_open(31, 0) == -EINVAL && dune_timer_open(256, 0) == -EINVAL,
		   "a vector that is none: EINVAL");
	ktap_check(dune_timer_open(NOBODYS, 0) == -ENOENT, "without a handler: ENOENT");
	ktap_check(dune_timer_set(0) == -ENOENT && dune_timer_clear() == -ENOENT,
		   "set without a timer: ENOENT");
	ktap_check(!dune_timer_open(VECTOR, 0), "opened");
}

static void times(void)
{
	unsigned long before = came;
	uint64_t deadline = now() + FAR;

	ktap_check(!dune_timer_set(deadline) && dune_timer_get() == deadline && came == before,
		   "set");
	deadline = now() + SOON;
	dune_timer_set(deadline);
	ktap_check(comes(before) && came_at >= deadline, "it comes, and not before its deadline");
	spin_until(deadline + 4 * SOON);
	ktap_check(came == before + 1 && dune_timer_get() == DUNE_TIMER_NEVER, "and once");
	IN_TIME(deadline, dune_timer_set(deadline + 3 * SOON));
	ktap_check(comes(before) && came_at >= deadline + 3 * SOON && came == before + 1,
		   "moved later");
	before = came;
	dune_timer_set(now() + FAR);
	dune_timer_set(now() + SOON);
	ktap_check(comes(before), "moved earlier");
	IN_TIME(deadline, dune_timer_clear());
	spin_until(deadline + 2 * SOON);
	getppid();
	ktap_check(came == before && dune_timer_get() == DUNE_TIMER_NEVER, "cleared");
	before = came;
	dune_timer_set(now() - 1);
	ktap_check(comes(before), "a deadline that is over");
	before = came;
	dune_timer_set(0);
	ktap_check(came == before + 1, "the deadline zero is over");
	before = came;
	dune_timer_set(DUNE_TIMER_NEVER);
	spin_until(now() + SOON);
	getppid();
	ktap_check(came == before, "the last number there is is none");
	dune_timer_set(DUNE_TIMER_NEVER - 1);
	spin_until(now() + SOON);
	ktap_check(came == before && !dune_timer_clear(), "the last but one does not come either");
	IN_TIME(deadline, dune_timer_close());
	spin_until(deadline + SOON);
	getppid();
	ktap_check(came == before && dune_timer_set(0) == -ENOENT, "closed");
	dune_timer_open(OTHER, 0);
	before = others_came;
	dune_timer_set(0);
	ktap_check(others_came == before + 1, "another vector");
	dune_timer_open(VECTOR, 0);
}

static void waits(void)
{
	const struct timespec time = { .tv_nsec = 20000000 };
	unsigned long before = came, inside;
	uint64_t deadline;
	int ret;

	dune_timer_set(now() + SOON);
	ret = nanosleep(&time, NULL);
	ktap_check(!ret && came == before + 1, "behind a system call, which is not cut short");
	before = came;
	cli();
	dune_timer_set(now() + SOON);
	spin_until(now() + 3 * SOON);
	getppid();
	inside = came;
	sti();
	ktap_check(inside == before && comes(before) && came == before + 1,
		   "between CLI and STI it waits");
	before = came;
	cli();
	dune_timer_set(0);
	getppid();
	dune_timer_set(0);
	getppid();
	sti();
	ktap_check(came == before + 1, "due twice meanwhile it comes once");
	IN_TIME(deadline, dune_leave());
	spin_until(deadline + SOON);
	inside = came;
	must_enter();
	ktap_check(inside == before && comes(before), "out of Dune mode it waits");
	before = came;
	dune_timer_set(now() + 3 * SOON);
	execl("/no/such/file", "file", NULL);
	ktap_check(comes(before), "an execve that fails leaves it");
}

/* Each short one is waited for; then the handler itself sets the next. */
static void storm(void)
{
	unsigned long before = came, i, lost = 0;

	for (i = 0; i < STORM && !lost; i++) {
		dune_timer_set(now() + i % 400);
		lost += !comes(before + i);
	}
	ktap_check(!lost && came == before + STORM, "ten thousand short ones, each once");
}

static volatile unsigned long left;
static uint64_t quantum;

static void on_quantum(struct dune_trap_frame *frame, void *arg)
{
	on_timer(frame, arg);
	if (--left)
		dune_timer_set_within(now() + quantum, quantum / 4);
}

static unsigned long hypercalls(void)
{
	struct dune_counters counters = { 0 };

	dune_counters_get(&counters);
	return counters.syscalls;
}

static void exits(void)
{
	unsigned long before, calls;
	uint64_t deadline = now() + FAR;
	bool all = true;
	int i;

	dune_timer_set(deadline);
	calls = hypercalls();
	for (i = 0; i < 100; i++)
		dune_timer_set(deadline + i), dune_timer_clear();
	ktap_check(hypercalls() - calls == 1, "moved later or taken away it needs no exit");
	dune_trap_set(VECTOR, on_quantum, NULL);
	/* Longer on a machine that does not get around to it in time. */
	for (quantum = SOON; quantum <= 64 * SOON; quantum *= 4) {
		before = came;
		dune_timer_open(VECTOR, quantum + quantum / 8);
		left = 100;
		calls = hypercalls();
		dune_timer_set(now() + SOON);
		all = all && comes(before + 99) && came == before + 100;
		calls = hypercalls() - calls;
		if (calls < 50)
			break;
	}
	ktap_check(all, "a handler that sets the next one");
	ktap_check(calls < 50, "needs no exit if the module was told");
	dune_trap_set(VECTOR, on_timer, NULL);
	dune_timer_open(VECTOR, 0);
}

static void on_cpu(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void moves(void)
{
	unsigned long before = came, n = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int i, late = 0;

	for (i = 0; i < 40; i++) {
		on_cpu(i % n);
		dune_timer_set(now() + FAR);
		dune_timer_set(now() + SOON);
		on_cpu((i + 1) % n);
		late += !comes(before + i);
	}
	ktap_check(!late && came == before + i, "a thread that goes from CPU to CPU");
}

/* Threads with timers of their own, and a vector of its own for one of them. */
static __thread volatile unsigned long own;
static volatile unsigned long astray;

static void on_own(struct dune_trap_frame *frame, void *arg)
{
	(void)frame;
	(void)arg;
	own++;
}

static void *timed(void *arg)
{
	unsigned long i, n = STORM / 10;

	if (dune_timer_set(0) != -ENOENT || dune_timer_open(NOBODYS, 0))
		return NULL;
	for (i = 0; i < n; i++) {
		uint64_t start = now();

		dune_timer_set(start + i % 5000);
		while (own <= i && now() - start < FAR)
			__builtin_ia32_pause();
		astray += own != i + 1;
	}
	return arg;
}

static void two(void)
{
	pthread_t threads[2];
	unsigned long before = came;
	void *ok[2];
	int i;

	dune_trap_set(NOBODYS, on_own, NULL);
	dune_timer_set(now() + 5 * SOON);
	for (i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, timed, ok);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], &ok[i]);
	ktap_check(ok[0] && ok[1] && !astray, "two threads, each with its own");
	ktap_check(comes(before) && came == before + 1, "beside a third");
	dune_trap_set(NOBODYS, NULL, NULL);
}

static void children(void)
{
	unsigned long before = came;
	pid_t child;
	int status = -1;

	dune_timer_set(now() + SOON);
	child = fork();
	if (!child) {
		bool none = dune_timer_get() == DUNE_TIMER_NEVER && dune_timer_set(0) == -ENOENT;

		before = came;
		spin_until(now() + 2 * SOON);
		getppid();
		none = none && came == before;
		_exit(none && !dune_timer_open(VECTOR, 0) && !dune_timer_set(now() + SOON) &&
				      comes(before) ? 7 : 8);
	}
	waitpid(child, &status, 0);
	ktap_check(WIFEXITED(status) && WEXITSTATUS(status) == 7,
		   "the child of a fork has none, and can have one");
	ktap_check(comes(before) && came == before + 1, "its parent's goes on");
}

/* Ring 3. */
asm(".pushsection .text\n.balign 4096\nring3_begin:\n"
	"ring3_spin: incq %rbx; jmp ring3_spin\n"
	".balign 4096\nring3_end:\n.popsection\n");
extern char ring3_begin[], ring3_end[], ring3_spin[];

static void ring3(void)
{
	struct dune_user_state s = { .regs.rip = (uint64_t)ring3_spin };
	uint64_t deadline;
	int reason;

	if (dune_vm_protect(ring3_begin, (size_t)(ring3_end - ring3_begin),
			    DUNE_PROT_READ | DUNE_PROT_EXEC | DUNE_PROT_USER))
		ktap_bail("no page for ring 3");
	cli();
	deadline = now() + SOON;
	dune_timer_set(deadline);
	do {
		reason = dune_user_run(&s);
	} while (reason == DUNE_USER_SIGNAL);
	ktap_check(reason == DUNE_USER_TRAP && s.regs.vector == VECTOR && now() >= deadline,
		   "it ends a run of ring 3");
	sti();
}

static volatile unsigned long signals;

static void on_signal(int signal)
{
	(void)signal;
	signals++;
	dune_timer_set(now() + SOON / 2);
}

static void with_signals(void)
{
	unsigned long before = came;
	int i;

	signals = 0;
	for (i = 0; i < 50; i++) {
		before = came;
		raise(SIGUSR1);
		if (!comes(before))
			break;
	}
	ktap_check(signals == 50 && came == before + 1, "set by a signal's handler");
}

int main(void)
{
	ktap_plan(1 + 5 + 12 + 5 + 1 + 3 + 1 + 2 + 2 + 1 + 1);
	ktap_check(dune_timer_open(VECTOR, 0) == -EPERM, "before dune_init: EPERM");
	if (dune_init(NULL))
		ktap_bail("dune_init");
	signal(SIGUSR1, on_signal);
	dune_trap_set(VECTOR, on_timer, NULL);
	dune_trap_set(OTHER, on_other, NULL);
	refusals();
	times();
	waits();
	storm();
	exits();
	moves();
	two();
	children();
	ring3();
	with_signals();
	dune_timer_close();
	dune_leave();
	return ktap_exit_status();
}
