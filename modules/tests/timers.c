// SPDX-License-Identifier: MIT
/* The words of a vCPU's timer: what they do, and that no value in them does anything else. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "lib/bare.h"
#include "lib/ktap.h"
#include "lib/probe.h"

#define IF 0x200ul
#define NEVER (~0ull)
#define SOON 200000ull /* ticks */
#define SPIN "jmp ."
#define ROUNDS 300

static struct bare *bare;

static uint64_t now(void)
{
	return __builtin_ia32_rdtsc();
}

static void spin_until(uint64_t time)
{
	while (now() < time)
		__builtin_ia32_pause();
}

static void timer_set(uint64_t deadline, uint64_t vector, uint64_t ahead)
{
	volatile struct dune_timer *timer = &bare->run->timer;

	timer->ahead = ahead;
	timer->deadline = deadline;
	timer->vector = vector;
}

static void load(int ring, uint64_t flags, struct code code)
{
	bare_vcpu_renew(bare);
	bare_reset(bare);
	bare->run->regs.rflags |= flags;
	bare_load(bare, ring, code.start, (size_t)(code.end - code.start));
}

static struct bare_end goes_on(void)
{
	bare->run->regs.rip = bare_at(bare, BARE_CODE);
	bare->run->regs.rsp = bare_at(bare, BARE_STACK + 1);
	bare->run->regs.rflags = 2 | IF;
	return bare_run(bare);
}

static bool came(struct bare_end end, int vector, uint64_t offset)
{
	bool ok = !end.error && end.vector == vector &&
		  end.rip == bare_at(bare, BARE_CODE) + offset;

	if (!ok)
		printf("# error %d, exit %u, vector %#x, rip %#lx\n", end.error, end.reason,
		       (unsigned int)end.vector, end.rip - bare_at(bare, BARE_CODE));
	return ok;
}

static struct dune_stats stats(void)
{
	struct dune_stats stats = { .size = sizeof(stats) };

	raw_request(bare->vcpu, DUNE_VCPU_STATS, &stats);
	return stats;
}

static void values(void)
{
	const uint64_t none[] = { 1, 14, 31, 256, 1ull << 32 | 64, 1ull << 63, NEVER };
	unsigned int i, ended = 0;
	uint64_t deadline;

	for (i = 0; i < sizeof(none) / sizeof(*none); i++) {
		load(0, IF, CODE("nop"));
		timer_set(0, none[i], none[i]);
		ended += bare_run(bare).reached_end && !stats().timer_interrupts;
	}
	ktap_check(ended == i, "numbers that are no vector are no timer");
	load(0, IF, CODE("nop"));
	timer_set(0, 32, 0);
	ktap_check(came(bare_run(bare), 32, 0) && bare->run->timer.deadline == NEVER,
		   "the first vector, before the first instruction");
	load(0, IF, CODE("nop"));
	timer_set(0, 255, 0);
	ktap_check(came(bare_run(bare), 255, 0), "the last vector");
	ktap_check(goes_on().reached_end && stats().timer_interrupts == 1, "and only once");
	load(3, IF, CODE("nop"));
	timer_set(1, 0x40, 0);
	ktap_check(came(bare_run(bare), 0x40, 0), "on the way to ring 3");
	load(0, IF, CODE("nop"));
	timer_set(0, 0x40, NEVER);
	ktap_check(came(bare_run(bare), 0x40, 0) && goes_on().reached_end, "a look far ahead");
	load(0, IF, CODE("nop"));
	timer_set(0, 0x40, 1);
	ktap_check(came(bare_run(bare), 0x40, 0) && goes_on().reached_end, "a look just ahead");
	load(0, IF, CODE("nop"));
	timer_set(NEVER, 0x40, 0);
	ktap_check(bare_run(bare).reached_end && bare->run->timer.armed == NEVER,
		   "without a deadline nothing is armed");
	bare->run->timer.deadline = deadline = now() + (1ull << 40);
	ktap_check(goes_on().reached_end && bare->run->timer.armed <= deadline &&
			   bare->run->timer.deadline == deadline,
		   "with one it is armed for then at the latest");
	bare->run->timer.deadline = NEVER - 1;
	ktap_check(goes_on().reached_end, "the last deadline there is");
}

static void hypercall(void)
{
	unsigned char *next = bare->memory + BARE_CODE_NEXT * BARE_PAGE;
	struct bare_end end;
	int32_t jump;

	load(0, IF, CODE("mov $0xffffffffabb6b2bb, %%rax\n\tmov %%rax, %%rbx\n\tvmmcall\n\tnop"));
	end = bare_run(bare);
	ktap_check(end.reached_end && !bare->run->regs.rax &&
			   bare->run->regs.rbx == DUNE_HYPERCALL_TIMER,
		   "the hypercall without a timer does nothing");
	load(3, IF, CODE("mov $0xffffffffabb6b2bb, %%rax\n\tvmmcall"));
	/* What records exceptions is a hypercall, too: without that number. */
	jump = (int32_t)(bare_at(bare, BARE_STUBS) + 16 * BARE_UD - (uint64_t)next - 7);
	memcpy(next, "\x31\xc0\xe9", 3); /* xor %eax, %eax; jmp */
	memcpy(next + 3, &jump, 4);
	bare_gate_set(bare, BARE_UD, (uint64_t)next, 0x8e, BARE_CS0, 1);
	ktap_check(bare_run(bare).vector == BARE_UD, "in ring 3 there is no such thing");
	/* Without the upper half it is a system call like any other. */
	load(0, IF, CODE("mov $0xabb6b2bb, %%eax\n\tvmmcall\n\tnop"));
	end = bare_run(bare);
	ktap_check(end.reason == DUNE_EXIT_SYSCALL && bare->run->regs.rax == 0xabb6b2bb,
		   "a number like it is user space's");
	load(0, 0, CODE("vmmcall\n\tsti\n\tnop\n\tnop"));
	timer_set(0, 0x40, 0);
	end = bare_run(bare);
	ktap_check(end.reason == DUNE_EXIT_SYSCALL && end.vector == BARE_NONE &&
			   came(bare_run(bare), 0x40, 5),
		   "with interrupts off it waits for them");
}

static void in_loops(void)
{
	struct bare_end end;
	uint64_t deadline;

	load(0, IF, CODE(SPIN));
	deadline = now() + SOON;
	timer_set(deadline, 0x40, 0);
	ktap_check(came(bare_run(bare), 0x40, 0) && now() >= deadline, "into a loop of ring 0");
	load(3, IF, CODE(SPIN));
	deadline = now() + SOON;
	timer_set(deadline, 0x40, 0);
	ktap_check(came(bare_run(bare), 0x40, 0) && now() >= deadline, "into a loop of ring 3");
	load(0, 0, CODE("1: rdtsc\n\tshl $32, %%rdx\n\tor %%rdx, %%rax\n\tcmp %%rbx, %%rax\n\t"
			"jb 1b\n\tsti\n\t" SPIN));
	deadline = now() + SOON;
	bare->run->regs.rbx = deadline + SOON;
	timer_set(deadline, 0x40, 0);
	ktap_check(came(bare_run(bare), 0x40, 15), "with interrupts off, when they are on");
	load(0, IF, CODE("vmmcall\n\t" SPIN));
	timer_set(now() + (1ull << 40), 0x40, 0);
	end = bare_run(bare);
	ktap_check(end.reason == DUNE_EXIT_SYSCALL && end.vector == BARE_NONE,
		   "the guest leaves before it is due");
	deadline = now() + SOON;
	timer_set(deadline, 0x40, 0);
	spin_until(deadline + SOON);
	ktap_check(came(bare_run(bare), 0x40, 3), "and has it when it comes back");
}

/* A vCPU that another thread runs until something else than a signal or a fault ends it. */
static atomic_int over;

static void *runner(void *unused)
{
	int ret;

	do {
		ret = raw_request(bare->vcpu, DUNE_VCPU_RUN, NULL);
	} while (ret == -EINTR || (!ret && bare->run->exit_reason == DUNE_EXIT_FAULT));
	over = 1;
	return unused + ret;
}

#define WORD(nr) (((volatile uint64_t *)bare_at(bare, BARE_DATA))[nr])

/* Counts turns in the first word, interrupts in the second, until the third is set. */
static pthread_t counter(void)
{
	static const char handler[] = "\x48\xff\x46\x08\x48\xcf"; /* incq 8(%rsi); iretq */
	unsigned char *next = bare->memory + BARE_CODE_NEXT * BARE_PAGE;
	pthread_t thread;
	unsigned int vector;

	load(0, IF, CODE("1: incq (%%rsi)\n\tcmpq $0, 16(%%rsi)\n\tje 1b"));
	memcpy(next, handler, sizeof(handler));
	for (vector = 32; vector < 256; vector++)
		bare_gate_set(bare, vector, (uint64_t)next, 0x8e, BARE_CS0, 1);
	WORD(0) = WORD(1) = WORD(2) = 0;
	over = 0;
	pthread_create(&thread, NULL, runner, NULL);
	while (!WORD(0) && !over)
		usleep(100);
	return thread;
}

static bool counter_end(pthread_t thread)
{
	void *ret;

	WORD(2) = 1;
	pthread_join(thread, &ret);
	return !ret && bare_end(bare, 0).reached_end;
}

/* Whatever is written, by whomever, the vCPU takes interrupts or does not, and goes on. */
static void scribbles(void)
{
	volatile struct dune_timer *timer;
	unsigned int i, seed = 11;
	uint64_t before;
	pthread_t thread = counter();

	timer = &bare->run->timer;
	for (i = 0; i < ROUNDS && !over; i++) {
		uint64_t random = (uint64_t)rand_r(&seed) << 33 ^ rand_r(&seed);
		unsigned int j, n = 1 + rand_r(&seed) % 2000;

		for (j = 0; j < n; j++) {
			timer->deadline = random & 1 ? now() + (random & 0xffff) :
						       random >> (j & 63);
			timer->armed = random ^ j;
			timer->ahead = random & 2 ? j : random << (j & 63);
			timer->vector = random & 12 ? 32 + j % 224 : random >> 50;
		}
		if (i % 8 == 0)
			pthread_kill(thread, SIGUSR1);
		if (i % 16 == 0)
			usleep(200);
	}
	ktap_check(!over, "nothing written into them ends the run");
	timer->vector = 0;
	before = WORD(0);
	while (WORD(0) == before && !over)
		usleep(100);
	ktap_check(counter_end(thread), "and the guest goes on");
	ktap_check(stats().timer_interrupts > 0, "some of it were interrupts");
}

/* The last use of a vCPU is while its timer is armed. */
static void closed(void)
{
	unsigned int i, ended = 0;

	for (i = 0; i < 60; i++) {
		load(0, IF, CODE("nop"));
		timer_set(now() + i * SOON / 20, 0x40, 0);
		ended += !bare_run(bare).error;
	}
	ktap_check(ended == i, "vCPUs go with a timer that is armed");
}

static void interrupted(int signal)
{
	(void)signal;
}

int main(void)
{
	const struct sigaction action = { .sa_handler = interrupted };
	struct dune_info info = { .size = sizeof(info) };

	sigaction(SIGUSR1, &action, NULL);
	ktap_plan(1 + 10 + 4 + 5 + 3 + 1);
	bare = bare_create();
	ktap_check(!raw_request(bare->device, DUNE_GET_INFO, &info) &&
			   info.features & DUNE_FEATURE_TIMER,
		   "the module has timers");
	values();
	hypercall();
	in_loops();
	scribbles();
	closed();
	bare_destroy(bare);
	return ktap_exit_status();
}
