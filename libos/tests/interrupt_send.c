// SPDX-License-Identifier: MIT
/* Interrupts from thread to thread: where they come, where they wait, and what they leave alone. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/dune_mode.h"

#define VECTOR 0x40
#define OTHER 0x41
#define NOBODYS 0x42
#define IF 0x200u
#define ROUNDS 60

static volatile unsigned long came, signals;
static volatile pid_t came_to;
static volatile uint64_t flags_inside;

static uint64_t flags(void)
{
	return __builtin_ia32_readeflags_u64();
}

static void cli(void)
{
	asm volatile("cli" ::: "memory");
}

static void sti(void)
{
	asm volatile("sti\n\tnop" ::: "memory");
}

static void on_interrupt(struct dune_trap_frame *frame, void *arg)
{
	(void)frame;
	(void)arg;
	flags_inside = flags();
	came_to = gettid();
	came++;
}

static bool within(volatile unsigned long *count, unsigned long than)
{
	int i;

	for (i = 0; *count <= than && i < 20000; i++)
		usleep(100);
	return *count > than;
}

/* A thread that spins, or does `work' over and over, in Dune mode if its creator is. */
static atomic_int stop;
static atomic_int target;
static volatile unsigned long turns;

static void *spin(void *work)
{
	target = gettid();
	while (!stop) {
		if (work)
			((void (*)(void))work)();
		turns++;
	}
	return (void *)(uintptr_t)(flags() & IF);
}

static pthread_t spinner(void (*work)(void))
{
	pthread_t thread;

	stop = target = 0;
	turns = 0;
	pthread_create(&thread, NULL, spin, (void *)work);
	while (!turns)
		usleep(100);
	return thread;
}

static bool spinner_end(pthread_t thread)
{
	void *ret = NULL;

	stop = 1;
	pthread_join(thread, &ret);
	return ret;
}

/* Send, one after the other, and wait for each: how many came; -1: more than that. */
static int storm(int n)
{
	const unsigned long first = came;
	unsigned long before;
	int i, arrived = 0;

	for (i = 0; i < n; i++) {
		before = came;
		if (dune_interrupt_send(target, VECTOR))
			break;
		arrived += within(&came, before);
	}
	usleep(1000);
	return came - first <= (unsigned long)arrived ? arrived : -1;
}

static void refusals(void)
{
	pthread_t thread = spinner(NULL);
	pid_t gone = target;

	ktap_check(dune_interrupt_send(target, VECTOR) == -ESRCH, "a thread in Linux mode: ESRCH");
	spinner_end(thread);
	must_enter();
	ktap_check(dune_interrupt_send(gettid(), 31) == -EINVAL &&
			   dune_interrupt_send(gettid(), 256) == -EINVAL,
		   "a vector that is none: EINVAL");
	ktap_check(dune_interrupt_send(gettid(), NOBODYS) == -ENOENT, "without a handler: ENOENT");
	ktap_check(dune_interrupt_send(gone, VECTOR) == -ESRCH &&
			   dune_interrupt_send(1, VECTOR) == -ESRCH &&
			   dune_interrupt_send(0, VECTOR) == -ESRCH,
		   "a thread that ended, or never was ours: ESRCH");
}

static void *send_from_linux(void *arg)
{
	unsigned long before = came;

	return dune_in_guest() || dune_interrupt_send(target, VECTOR) || !within(&came, before) ?
		       NULL : arg;
}

static void sleeping(void)
{
	const struct timespec time = { .tv_nsec = 30000000 };

	if (nanosleep(&time, NULL))
		signals = ~0ul; /* it was cut short */
}

static void arrivals(void)
{
	pthread_t thread = spinner(NULL), sender;
	unsigned long before;
	void *ok = NULL;

	ktap_check(storm(ROUNDS) == ROUNDS && came_to == target && came_to != gettid(),
		   "into a thread that spins");
	ktap_check(!(flags_inside & IF) && flags() & IF, "its handler has interrupts off");
	dune_leave();
	pthread_create(&sender, NULL, send_from_linux, &ok);
	pthread_join(sender, &ok);
	must_enter();
	ktap_check(ok == &ok, "from a thread in Linux mode");
	ktap_check(spinner_end(thread), "which goes on with interrupts on");
	signals = 0;
	thread = spinner(sleeping);
	ktap_check(storm(3) == 3 && !signals, "behind a system call, which is not cut short");
	spinner_end(thread);
	before = came;
	ktap_check(!dune_interrupt_send(gettid(), VECTOR) && came == before + 1 &&
			   came_to == gettid(),
		   "into the thread that sends it");
}

static void on_signal(int signal)
{
	(void)signal;
	signals++;
}

static void *flags_of_thread(void *unused)
{
	(void)unused;
	return (void *)(uintptr_t)(flags() & IF);
}

static void masked(void)
{
	unsigned long before = came, after;
	uint64_t kept;
	pthread_t thread;
	void *set = NULL;

	cli();
	dune_interrupt_send(gettid(), VECTOR);
	dune_interrupt_send(gettid(), VECTOR);
	getppid();
	after = came;
	sti();
	ktap_check(after == before && came == before + 1, "between CLI and STI they wait");
	cli();
	raise(SIGUSR1);
	kept = flags();
	sti();
	raise(SIGUSR1);
	ktap_check(!(kept & IF) && flags() & IF, "a signal's handler leaves that as it is");
	cli();
	dune_vm_protect((void *)((uintptr_t)&came & ~4095ul), 4096, DUNE_PROT_WRITE);
	kept = flags();
	sti();
	ktap_check(!(kept & IF), "so does a call of libdune");
	cli();
	pthread_create(&thread, NULL, flags_of_thread, NULL);
	sti();
	pthread_join(thread, &set);
	ktap_check(set, "a thread that is made there has interrupts on");
	before = came;
	cli();
	dune_interrupt_send(gettid(), VECTOR);
	dune_leave();
	must_enter();
	ktap_check(came == before + 1, "out of Dune mode they wait for the next entry");
	cli();
	dune_trap_set(OTHER, on_interrupt, NULL);
	dune_interrupt_send(gettid(), OTHER);
	dune_trap_set(OTHER, NULL, NULL);
	sti();
	ktap_check(dune_in_guest(), "one whose handler was taken away is dropped");
}

/* What the interrupted code holds the lock of. */
static char *pages;

static int mine, others;
static volatile unsigned long mixed;

static void on_mine(struct dune_trap_frame *frame, void *arg)
{
	(void)frame;
	mixed += arg != &mine;
}

static void on_others(struct dune_trap_frame *frame, void *arg)
{
	(void)frame;
	mixed += arg != &others;
}

static void send_to_main(void)
{
	dune_interrupt_send(getpid(), VECTOR);
}

static void replaced(void)
{
	pthread_t thread = spinner(send_to_main);
	unsigned long before = turns;

	while (turns - before < 20 * ROUNDS) {
		dune_trap_set(VECTOR, on_mine, &mine);
		dune_trap_set(VECTOR, on_others, &others);
		dune_trap_set(VECTOR, NULL, NULL);
	}
	spinner_end(thread);
	dune_trap_set(VECTOR, on_interrupt, NULL);
	ktap_check(!mixed, "a handler that is replaced is called with its own argument");
}

static void edit(void)
{
	dune_vm_protect(pages, 4096, turns & 1 ? DUNE_PROT_READ : DUNE_PROT_WRITE);
}

static void on_interrupt_edit(struct dune_trap_frame *frame, void *arg)
{
	dune_vm_protect(pages + 4096, 4096, came & 1 ? DUNE_PROT_READ : DUNE_PROT_WRITE);
	dune_syscall_hook_set(511, NULL, NULL);
	on_interrupt(frame, arg);
}

static void locks(void)
{
	pthread_t thread;

	pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	dune_trap_set(VECTOR, on_interrupt_edit, NULL);
	thread = spinner(edit);
	ktap_check(storm(ROUNDS) == ROUNDS, "a handler may edit what the interrupted code edits");
	spinner_end(thread);
	dune_trap_set(VECTOR, on_interrupt, NULL);
}

/* Counts in registers and in memory, with a system call now and then. */
static volatile uint64_t wrong;

static void count(void)
{
	uint64_t a = 0, b = 0;
	unsigned int i;

	for (i = 0; i < 2000; i++) {
		asm volatile("inc %0\n\tinc %1" : "+r"(a), "+r"(b));
		if (a != b)
			wrong++;
	}
	wrong += a != 2000 || getppid() <= 0;
}

static void with_signals(void)
{
	pthread_t thread = spinner(count);
	unsigned int i;
	int arrived = 0;

	signals = 0;
	for (i = 0; i < ROUNDS; i++) {
		pthread_kill(thread, SIGUSR1);
		arrived += storm(1);
	}
	within(&signals, 0);
	spinner_end(thread);
	ktap_check(arrived == ROUNDS && signals && !wrong, "signals and interrupts at once");
}

static void *short_life(void *arg)
{
	target = gettid();
	return arg;
}

static void many_threads(void)
{
	pthread_t thread;
	int i, ret, strange = 0;

	for (i = 0; i < ROUNDS; i++) {
		target = 0;
		pthread_create(&thread, NULL, short_life, NULL);
		/* One that is about to begin has no number yet: 0 is nobody's. */
		do
			strange += !dune_interrupt_send(0, VECTOR);
		while (!target);
		ret = dune_interrupt_send(target, VECTOR);
		strange += ret && ret != -ESRCH;
		pthread_join(thread, NULL);
		strange += dune_interrupt_send(target, VECTOR) != -ESRCH;
	}
	ktap_check(!strange, "to threads that come and go");
}

static void children(void)
{
	pid_t parent = gettid(), child = fork();
	int status = -1;

	if (!child) {
		unsigned long before = came;
		bool ok = dune_interrupt_send(parent, VECTOR) == -ESRCH &&
			  !dune_interrupt_send(gettid(), VECTOR) && came == before + 1;

		_exit(ok ? 7 : 8);
	}
	waitpid(child, &status, 0);
	ktap_check(WIFEXITED(status) && WEXITSTATUS(status) == 7, "in the child of a fork");
}

/* Ring 3. */
asm(".pushsection .text\n.balign 4096\nring3_begin:\n"
	"ring3_spin: incq %rbx; jmp ring3_spin\n"
	"ring3_calls: xor %ebp, %ebp\n1: add %rbx, %rbp; syscall; dec %rbx; jnz 1b; ud2\n"
	".balign 4096\nring3_end:\n.popsection\n");
extern char ring3_begin[], ring3_end[], ring3_spin[], ring3_calls[];

static atomic_int running;

static void *plugin(void *arg)
{
	struct dune_user_state s = { .regs.rip = (uint64_t)ring3_spin };

	(void)arg;
	target = gettid();
	running = 1;
	/* Before it runs there, the handler is asked; or it comes before the first instruction. */
	while (dune_user_run(&s) != DUNE_USER_TRAP || !s.regs.rbx)
		;
	running = 0;
	return (void *)(uintptr_t)(s.regs.vector == VECTOR && s.regs.rbx && flags() & IF &&
				   s.regs.rip - (uint64_t)ring3_spin < 8);
}

/* Each call of it is a way in and one out, with a stack pointer that is none. */
static void *calls(void *arg)
{
	const uint64_t n = 3000;
	struct dune_user_state s = { .regs = { .rip = (uint64_t)ring3_calls, .rbx = n } };
	int reason;

	target = gettid();
	running = 1;
	do {
		reason = dune_user_run(&s);
		wrong += reason == DUNE_USER_SYSCALL && getppid() <= 0;
		wrong += !(flags() & IF);
	} while (reason == DUNE_USER_SYSCALL || reason == DUNE_USER_SIGNAL ||
		 (reason == DUNE_USER_TRAP && s.regs.vector == VECTOR && ++*(long *)arg));
	running = 0;
	return (void *)(uintptr_t)(s.regs.vector == DUNE_TRAP_UD && s.regs.rbp == n * (n + 1) / 2);
}

static void *runs_apart(void *(*run)(void *), void *arg)
{
	pthread_t thread;
	void *ok = NULL;

	running = 2;
	pthread_create(&thread, NULL, run, arg);
	while (running == 2)
		usleep(100);
	while (running) {
		dune_interrupt_send(target, VECTOR);
		usleep(200);
	}
	pthread_join(thread, &ok);
	return ok;
}

static void ring3(void)
{
	struct dune_user_state s = { .regs.rip = (uint64_t)ring3_spin };
	long seen = 0;
	int reason;

	if (dune_vm_protect(ring3_begin, (size_t)(ring3_end - ring3_begin),
			    DUNE_PROT_READ | DUNE_PROT_EXEC | DUNE_PROT_USER))
		ktap_bail("no page for ring 3");
	ktap_check(runs_apart(plugin, NULL), "a plugin that would run for ever is stopped");
	wrong = 0;
	ktap_check(runs_apart(calls, &seen) && !wrong, "one that makes calls notices nothing");
	cli();
	dune_interrupt_send(gettid(), VECTOR);
	reason = dune_user_run(&s);
	ktap_check(reason == DUNE_USER_TRAP && s.regs.vector == VECTOR &&
			   s.regs.rip == (uint64_t)ring3_spin && !s.regs.rbx && !(flags() & IF),
		   "what waits ends a run at once");
	sti();
	getppid();
	ktap_check(flags() & IF, "system calls of that thread leave interrupts on");
}

int main(void)
{
	ktap_plan(1 + 4 + 6 + 6 + 1 + 1 + 1 + 1 + 1 + 4);
	ktap_check(dune_interrupt_send(gettid(), VECTOR) == -EPERM, "before dune_init: EPERM");
	if (dune_init(NULL))
		ktap_bail("dune_init");
	signal(SIGUSR1, on_signal);
	dune_trap_set(VECTOR, on_interrupt, NULL);
	refusals();
	arrivals();
	masked();
	replaced();
	locks();
	with_signals();
	many_threads();
	children();
	ring3();
	dune_leave();
	return ktap_exit_status();
}
