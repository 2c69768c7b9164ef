// SPDX-License-Identifier: MIT
/* Tasks that are made to go: by whom, when not, with what they get back; what a switch costs. */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "lib/dune_mode.h"
#include "lib/rt_up.h"

/*
 * uint64_t spin_whole(volatile uint32_t *stop, uint64_t seed): spins until *stop, with seed in
 * all registers and in the red zone of a leaf: how often something was not there any more.
 */
asm(".text\n.globl spin_whole\nspin_whole:\n"
	"push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	".irp reg, rax, rbx, rcx, rdx, rbp, r8, r9, r10, r11, r12, r13, r14, r15\n"
	"mov %rsi, %\\reg\n.endr\n"
	".irp nr, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\nmovq %rsi, %xmm\\nr\n.endr\n"
	".irp at, 8,16,24,32,40,48,56,64,72,80,88,96,104,112,120,128\n"
	"mov %rsi, -\\at(%rsp)\n.endr\n"
	".rept 8\nfld1\n.endr\n"
	"1:\n.irp reg, rax, rbx, rcx, rdx, rbp, r8, r9, r10, r11, r12, r13, r14, r15\n"
	"cmp %rsi, %\\reg\njne 2f\n.endr\n"
	".irp at, 8,16,24,32,40,48,56,64,72,80,88,96,104,112,120,128\n"
	"cmp %rsi, -\\at(%rsp)\njne 2f\n.endr\n"
	".irp nr, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"movq %xmm\\nr, %rax\ncmp %rsi, %rax\njne 2f\n.endr\n"
	"cmpl $0, (%rdi)\nje 1b\nxor %eax, %eax\n"
	".rept 7\nfaddp\n.endr\n"
	"fistpll -8(%rsp)\ncmpq $8, -8(%rsp)\nje 3f\n"
	"2: mov $1, %eax\n"
	"3: pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\nret\n");
uint64_t spin_whole(volatile uint32_t *stop, uint64_t seed);

static volatile uint32_t stop, running, urgent, wrong;

static void *spins(void *arg)
{
	__atomic_fetch_add(&running, 1, __ATOMIC_SEQ_CST);
	if (spin_whole(&stop, 0x5eed000000000000ull + (uintptr_t)arg))
		__atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST);
	return arg;
}

/* Somebody else's values on the x87's stack would leave no room for these. */
static void *comes(void *arg)
{
	uint16_t sum;

	asm volatile("fld1\n\tfld1\n\tfaddp\n\tfistps %0" : "=m"(sum));
	if (sum != 2)
		__atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&urgent, 1, __ATOMIC_SEQ_CST);
	return arg;
}

static struct dune_rt_stats stats_sum(uint32_t cores)
{
	struct dune_rt_stats sum = { 0 }, one;
	uint32_t i;

	for (i = 0; i < cores; i++) {
		dune_rt_stats_get(i, &one, sizeof(one));
		sum.preemptions += one.preemptions;
		sum.interrupts += one.interrupts;
		if (one.hold_ns > sum.hold_ns)
			sum.hold_ns = one.hold_ns;
	}
	return sum;
}

/* Until they all run, or for a second. */
static bool reaches(volatile uint32_t *count, uint32_t n)
{
	int i;

	for (i = 0; *count < n && i < 10000; i++)
		usleep(100);
	return *count >= n;
}

/* As many spinners as cores, and one more urgent after the other from outside. */
static void arrivals(const char *policy, uint32_t cores)
{
	struct dune_rt_attr attr = rt_attr();
	uint64_t now;
	uint32_t i, arrived = 0;

	rt_up(policy, cores);
	stop = running = urgent = wrong = 0;
	now = dune_rt_now();
	attr.priority = 9;
	attr.deadline = now + 100000 * MS;
	attr.size_hint = 100000 * MS;
	for (i = 0; i < cores; i++)
		rt_spawn(spins, (void *)(uintptr_t)i, &attr);
	reaches(&running, cores);
	for (i = 1; i <= 12; i++) {
		attr.priority = 1;
		attr.deadline = now + MS;
		attr.size_hint = MS;
		rt_spawn(comes, NULL, &attr);
		arrived += reaches(&urgent, i);
	}
	ktap_check(arrived == 12 && stats_sum(cores).preemptions >= 1,
		   "%s on %u, who is more urgent runs at once", policy, cores);
	stop = 1;
	dune_rt_wait();
	ktap_check(!wrong, "%s on %u, who had to go notices nothing", policy, cores);
	rt_down();
}

/* Its hint was too low, by far: it is not the most urgent for that. */
static void outlived(uint32_t cores)
{
	struct dune_rt_attr attr = rt_attr();
	uint32_t i, arrived = 0;

	rt_up("srpt", cores);
	stop = running = urgent = wrong = 0;
	attr.size_hint = MS;
	for (i = 0; i < cores; i++)
		rt_spawn(spins, (void *)(uintptr_t)i, &attr);
	reaches(&running, cores);
	usleep(20000);
	attr.size_hint = MS / 10;
	for (i = 1; i <= 4; i++) {
		rt_spawn(comes, NULL, &attr);
		arrived += reaches(&urgent, i);
	}
	ktap_check(arrived == 4 && !wrong,
		   "srpt on %u, who is shorter runs beside one that outlived its hint", cores);
	stop = 1;
	dune_rt_wait();
	rt_down();
}

/* What it has had of its size since it last stopped counts, and counts once. */
static void half_way(void)
{
	struct dune_rt_attr attr = rt_attr();
	uint64_t began, had;
	bool ran;

	rt_up("srpt", 1);
	stop = running = urgent = wrong = 0;
	attr.size_hint = 100000 * MS;
	rt_spawn(spins, NULL, &attr);
	reaches(&running, 1);
	began = dune_rt_now();
	usleep(100000);
	had = dune_rt_now() - began;
	/* Less than what remains, by half of what it had; more than if that counted twice. */
	attr.size_hint -= had + had / 2;
	rt_spawn(comes, NULL, &attr);
	ran = reaches(&urgent, 1);
	stop = 1;
	dune_rt_wait();
	ktap_check(ran && !wrong, "srpt on 1, who is shorter than what remains runs at once");
	rt_down();
}

static void *holds_until_told(void *arg)
{
	dune_rt_hold();
	__atomic_fetch_add(&running, 1, __ATOMIC_SEQ_CST);
	while (stop < 1)
		asm volatile("pause" ::: "memory");
	dune_rt_release();
	return arg;
}

static void *stays(void *arg)
{
	__atomic_fetch_add(arg ? &urgent : &running, 1, __ATOMIC_SEQ_CST);
	while (stop < 2)
		asm volatile("pause" ::: "memory");
	return arg;
}

/* Two come before the least urgent core goes: the second is for the other one. */
static void together(const char *policy)
{
	static const uint32_t ranks[] = { 10, 9, 1, 2 };
	struct dune_rt_attr attr = rt_attr();
	bool ran;
	uint64_t now;
	uint32_t i;

	rt_up(policy, 2);
	stop = running = urgent = 0;
	now = dune_rt_now();
	for (i = 0; i < 4; i++) {
		attr.priority = (uint16_t)ranks[i];
		attr.deadline = now + ranks[i] * 100000 * MS;
		attr.size_hint = ranks[i] * 100000 * MS;
		rt_spawn(i ? stays : holds_until_told, (void *)(uintptr_t)(i >= 2), &attr);
		if (i < 2)
			reaches(&running, i + 1);
	}
	stop = 1;
	ran = reaches(&urgent, 2);
	stop = 2;
	dune_rt_wait();
	ktap_check(ran, "%s, two that are urgent come at the same time: both run", policy);
	rt_down();
}

/* Nobody of them gives way: the quantum does it. */
static void quantum(uint32_t cores)
{
	uint32_t i;
	bool ok;

	rt_up("rr", cores);
	stop = running = wrong = 0;
	for (i = 0; i < 5; i++)
		rt_spawn(spins, (void *)(uintptr_t)i, NULL);
	ok = reaches(&running, 5);
	stop = 1;
	dune_rt_wait();
	ktap_check(ok && !wrong && stats_sum(cores).preemptions >= 5 - cores,
		   "rr on %u, each of five that spin gets its quantum", cores);
	rt_down();
}

/* One alone is left alone, and yet goes when somebody comes. */
static void tickless(void)
{
	uint64_t before;
	bool ok;
	int i;

	rt_up("rr", 1);
	stop = running = urgent = wrong = 0;
	rt_spawn(spins, NULL, NULL);
	reaches(&running, 1);
	/* The one of the start, and its quantum's end. */
	for (i = 0; stats_sum(1).interrupts < 2 && i < 10000; i++)
		usleep(100);
	before = stats_sum(1).interrupts;
	usleep(30000);
	ktap_check(stats_sum(1).interrupts == before, "rr on 1, nobody interrupts who is alone");
	rt_spawn(comes, NULL, NULL);
	ok = reaches(&urgent, 1);
	stop = 1;
	dune_rt_wait();
	ktap_check(ok && !wrong, "rr on 1, who comes to one that is alone runs");
	rt_down();
}

static void *sleeps(void *arg)
{
	uint32_t i;

	for (i = 0; i < 5; i++)
		dune_rt_sleep_until(dune_rt_now() + MS);
	urgent = 1;
	return arg;
}

/* Who sleeps is woken on a core that has a task that does not give way. */
static void alarms(const char *policy)
{
	struct dune_rt_attr attr = rt_attr();
	struct dune_rt_stats stats;
	bool ok;

	rt_up(policy, 1);
	stop = running = urgent = wrong = 0;
	attr.priority = 1;
	attr.deadline = dune_rt_now() + 1000 * MS;
	attr.size_hint = 1;
	rt_spawn(sleeps, NULL, &attr);
	attr.priority = 2;
	attr.deadline = 0;
	attr.size_hint = 1000000 * MS;
	rt_spawn(spins, NULL, &attr);
	ok = reaches(&urgent, 1);
	stop = 1;
	dune_rt_wait();
	dune_rt_stats_get(0, &stats, sizeof(stats));
	/* Those that Linux lets begin too late are none. */
	ktap_check(ok && !wrong && stats.timers && stats.timers <= 5,
		   "%s, who sleeps wakes beside one that spins", policy);
	rt_down();
}

/* Preempted tasks go on wherever there is a core: many, of few priorities, on two. */
static void *spins_a_while(void *arg)
{
	volatile uint32_t over = 0;
	uint64_t end = dune_rt_now() + MS / 4;

	while (dune_rt_now() < end) {
		over = 1; /* one round of it */
		if (spin_whole(&over, end))
			__atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST);
	}
	__atomic_fetch_add(&urgent, 1, __ATOMIC_SEQ_CST);
	return arg;
}

static void migrations(void)
{
	struct dune_rt_attr attr = rt_attr();
	uint32_t i;
	bool ok;

	rt_up("priority", 2);
	stop = running = urgent = wrong = 0;
	attr.flags = DUNE_RT_DETACHED;
	/* Two that do not end by themselves have the cores: without preemption nobody else runs. */
	attr.priority = 63;
	for (i = 0; i < 2; i++)
		rt_spawn(spins, NULL, &attr);
	ok = reaches(&running, 2);
	for (i = 0; i < 200; i++) {
		attr.priority = (uint16_t)(62 - i % 60);
		rt_spawn(spins_a_while, NULL, &attr);
	}
	ok = ok && reaches(&urgent, 200);
	stop = 1;
	dune_rt_wait();
	ktap_check(ok && !wrong && stats_sum(2).preemptions,
		   "200 that preempt each other on two cores");
	rt_down();
}

static void *holds(void *arg)
{
	uint64_t before, begin;

	dune_rt_hold();
	before = stats_sum(1).interrupts;
	running = 1;
	while (stop == 1)
		;
	/*
	 * The interrupt for who has come may be on its way still, and an emulator's timers late by
	 * more than that on a busy host. If it came before the count was taken, none comes now.
	 */
	for (begin = dune_rt_now(); dune_rt_now() - begin < 20 * MS ||
	     (stats_sum(1).interrupts == before && dune_rt_now() - begin < 1000 * MS);)
		;
	wrong += urgent != 0;
	before = stats_sum(1).preemptions;
	dune_rt_release();
	/*
	 * This one had to go there. Under rr the other need not have come far: on such a host its
	 * quantum may be over before its first instruction.
	 */
	wrong += stats_sum(1).preemptions == before;
	return arg;
}

/* Under rr, it is also longer than a quantum, in which nothing else may come over and over. */
static void sections(const char *policy)
{
	struct dune_rt_attr attr = rt_attr();
	uint64_t longest;

	rt_up(policy, 1);
	running = urgent = wrong = 0;
	stop = 1;
	attr.priority = 9;
	rt_spawn(holds, NULL, &attr);
	reaches(&running, 1);
	attr.priority = 1;
	rt_spawn(comes, NULL, &attr);
	stop = 0;
	dune_rt_wait();
	longest = stats_sum(1).hold_ns;
	ktap_check(!wrong && urgent == 1, "%s: a critical section puts it off to its end", policy);
	ktap_check(longest >= 20 * MS, "%s: the longest is told", policy);
	rt_down();
}

/* Every instruction between dune_rt_yield() of one and its return in the other. */
#define STEPS 1000
#define TF 0x100u

asm(".text\nstep_yield:\npushf\norq $0x100, (%rsp)\npopf\ncall dune_rt_yield\nret\n"
	"plain_yield:\nsub $8, %rsp\ncall dune_rt_yield\nplain_back: add $8, %rsp\nret\n");
void step_yield(void);
void plain_yield(void);
extern const char plain_back[], rt_switch[], rt_thread_entry[], rt_yield_policy[],
	rt_yield_policy_end[];

static uint64_t steps[STEPS];
static volatile uint32_t stepped;

static void on_step(struct dune_trap_frame *frame, void *arg)
{
	(void)arg;
	if (frame->rip == (uint64_t)plain_back || stepped == STEPS)
		frame->rflags &= ~(uint64_t)TF;
	else
		steps[stepped++] = frame->rip;
}

static void *steps_off(void *arg)
{
	step_yield();
	return arg;
}

static void *stepped_to(void *arg)
{
	plain_yield();
	return arg;
}

/* None of them runs before both are there. */
static void *makes_both(void *arg)
{
	rt_spawn(stepped_to, NULL, NULL);
	rt_spawn(steps_off, NULL, NULL);
	return arg;
}

static void cost(const char *policy)
{
	uint32_t i, all = 0, ours = 0;
	bool began = false;

	rt_up(policy, 1);
	stepped = 0;
	dune_trap_set(DUNE_TRAP_DB, on_step, NULL);
	rt_spawn(makes_both, NULL, NULL);
	rt_down();
	dune_trap_set(DUNE_TRAP_DB, NULL, NULL);
	for (i = 0; i < stepped; i++) {
		began |= steps[i] == (uint64_t)dune_rt_yield;
		all += began;
		/* The switch and all of dune_rt_yield() but the policy's lock and calls. */
		ours += began && steps[i] - (uint64_t)rt_switch <
						 (uint64_t)(rt_thread_entry - rt_switch) &&
			steps[i] - (uint64_t)rt_yield_policy >=
				(uint64_t)(rt_yield_policy_end - rt_yield_policy);
	}
	ktap_check(ours && all >= 50 && all <= 60,
		   "a switch under %s is short: %u instructions, %u but for the policy's", policy,
		   all, ours);
}

int main(void)
{
	ktap_plan(12 + 2 + 1 + 3 + 2 + 2 + 4 + 1 + 4 + 1);
	if (dune_init(NULL))
		ktap_bail("dune_init");
	arrivals("priority", 1);
	arrivals("priority", 2);
	arrivals("edf", 1);
	arrivals("edf", 2);
	arrivals("srpt", 1);
	arrivals("srpt", 2);
	outlived(1);
	outlived(2);
	half_way();
	together("priority");
	together("edf");
	together("srpt");
	quantum(1);
	quantum(2);
	tickless();
	alarms("rr");
	alarms("priority");
	alarms("edf");
	alarms("srpt");
	migrations();
	sections("priority");
	sections("rr");
	cost("cfcfs");
	return ktap_exit_status();
}
