// SPDX-License-Identifier: MIT
/* Interrupts that threads send to a vCPU: when they come, in which order, and that none is lost. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/bare.h"
#include "lib/ktap.h"
#include "lib/probe.h"

#define IF 0x200ul
#define SPIN "jmp ."
#define HYPERCALL "vmmcall\n\t"
#define BURSTS 60

static struct bare *bare;

static int send(unsigned long vector)
{
	return raw_request(bare->vcpu, DUNE_VCPU_INTERRUPT, (void *)vector);
}

static void load(int ring, uint64_t flags, struct code code)
{
	bare_vcpu_renew(bare);
	bare_reset(bare);
	bare->run->regs.rflags |= flags;
	bare->run->regs.rax = BARE_SS0;
	bare_load(bare, ring, code.start, (size_t)(code.end - code.start));
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

/* From a handler back into the code, where interrupts are taken. */
static struct bare_end goes_on(void)
{
	bare->run->regs.rip = bare_at(bare, BARE_CODE);
	bare->run->regs.rsp = bare_at(bare, BARE_STACK + 1);
	bare->run->regs.rflags = 2 | IF;
	return bare_run(bare);
}

static void refusals(void)
{
	int status = 0;
	pid_t pid;

	load(0, 0, CODE("nop"));
	ktap_check(send(0) == -EINVAL && send(14) == -EINVAL && send(31) == -EINVAL,
		   "exceptions are no vectors");
	ktap_check(send(256) == -EINVAL && send(~0ul) == -EINVAL && send(1ul << 32 | 64) == -EINVAL,
		   "nor is what is above the last");
	ktap_check(raw_request(bare->vm, DUNE_VCPU_INTERRUPT, (void *)64) == -ENOTTY &&
			   raw_request(bare->device, DUNE_VCPU_INTERRUPT, (void *)64) == -ENOTTY,
		   "nor has a VM or the device any");
	pid = fork();
	if (pid == 0)
		_exit(send(64) != -EIO);
	waitpid(pid, &status, 0);
	ktap_check(status == 0, "another process cannot interrupt");
	memset(bare_gate(bare, 0), 0, BARE_PAGE);
	bare_load(bare, 0, "\x0f\x0b", 2);
	ktap_check(bare_run(bare).reason == DUNE_EXIT_SHUTDOWN && send(64) == -ENODEV,
		   "a dead vCPU takes none");
}

static void before_it_runs(void)
{
	load(0, IF, CODE("nop"));
	ktap_check(!send(32) && came(bare_run(bare), 32, 0), "the first vector, before it runs");
	load(0, IF, CODE("nop"));
	ktap_check(!send(255) && came(bare_run(bare), 255, 0), "the last vector, before it runs");
	ktap_check(goes_on().reached_end, "and only once");
	load(0, IF, CODE("nop"));
	ktap_check(!send(0x40) && !send(0x40) && came(bare_run(bare), 0x40, 0) &&
			   goes_on().reached_end,
		   "the same twice is one");
	load(0, IF, CODE("nop"));
	send(0x41);
	send(0xf0);
	send(0x80);
	ktap_check(came(bare_run(bare), 0xf0, 0) && came(goes_on(), 0x80, 0) &&
			   came(goes_on(), 0x41, 0) && goes_on().reached_end,
		   "of several the highest first");
	load(3, IF, CODE("nop"));
	send(0x50);
	ktap_check(bare_run(bare).vector == 0x50, "on the way to ring 3");
}

static void held_back(void)
{
	struct bare_end end;

	load(0, 0, CODE(HYPERCALL "sti\n\tnop\n\tnop"));
	send(0x40);
	end = bare_run(bare);
	ktap_check(end.vector == BARE_NONE && end.reason == DUNE_EXIT_SYSCALL,
		   "with interrupts off it waits");
	ktap_check(came(bare_run(bare), 0x40, 5), "until behind the shadow of sti");
	/*
	 * Left by a fault in a shadow: the load comes first. Bochs's SVM then tells of the
	 * shadow's end only when IF changes, or not before another exit: CPUID's.
	 */
	load(0, IF, CODE("mov %%eax, %%ss\n\tmov (%%rsi), %%al\n\tcpuid\n\tnop"));
	mprotect((void *)bare_at(bare, BARE_DATA), BARE_PAGE, PROT_NONE);
	bare_run(bare);
	mprotect((void *)bare_at(bare, BARE_DATA), BARE_PAGE, PROT_READ | PROT_WRITE);
	send(0x40);
	end = bare_run(bare);
	ktap_check(end.vector == 0x40 && end.rip > bare_at(bare, BARE_CODE) + 2,
		   "until behind the shadow of mov ss");
	load(0, 0, CODE("pushf\n\torq $0x200, (%%rsp)\n\tpopf\n\tnop"));
	send(0x40);
	ktap_check(came(bare_run(bare), 0x40, 10), "until popf allows it, which has no shadow");
	/* The handler's IRET lets the second in, before another instruction of the code. */
	load(0, 0, CODE("sti\n\tnop\n\tnop\n\tnop"));
	memcpy((void *)bare_at(bare, BARE_CODE_NEXT), "\x48\xff\x06\x48\xcf", 5); /* incq (%rsi) */
	bare_gate_set(bare, 0x80, bare_at(bare, BARE_CODE_NEXT), 0x8e, BARE_CS0, 1);
	*(uint64_t *)bare_at(bare, BARE_DATA) = 0;
	send(0x80);
	send(0x41);
	ktap_check(came(bare_run(bare), 0x41, 2) && *(uint64_t *)bare_at(bare, BARE_DATA) == 1,
		   "a second waits for the first one's handler");
}

static void with_others(void)
{
	unsigned char *stack = bare->memory + BARE_TRAP * BARE_PAGE;
	struct bare_end end;

	load(0, IF, CODE("nop"));
	bare->run->event = (struct dune_event){ .vector = BARE_UD };
	bare->run->flags |= DUNE_RUN_EVENT;
	send(0x40);
	ktap_check(came(bare_run(bare), BARE_UD, 0) && came(goes_on(), 0x40, 0),
		   "an event of the run page goes first");
	load(0, IF, CODE("nop"));
	bare->run->event = (struct dune_event){ .vector = 0x30 };
	bare->run->flags |= DUNE_RUN_EVENT;
	send(0x40);
	ktap_check(came(bare_run(bare), 0x30, 0) && came(goes_on(), 0x40, 0),
		   "though it is an interrupt of a lower vector");
	load(0, IF, CODE("nop"));
	mprotect(stack, BARE_PAGE, PROT_READ);
	send(0x40);
	end = bare_run(bare);
	ktap_check(end.reason == DUNE_EXIT_FAULT && bare->run->flags == DUNE_RUN_EVENT_WAITS &&
			   bare->run->fault.flags == (DUNE_FAULT_WRITE | DUNE_FAULT_EVENT),
		   "where its frame cannot be written it is a fault of the host");
	send(0x41);
	mprotect(stack, BARE_PAGE, PROT_READ | PROT_WRITE);
	ktap_check(came(bare_run(bare), 0x40, 0) && came(goes_on(), 0x41, 0),
		   "and comes before a higher one, once it can");
}

/* A vCPU that another thread runs until something else than a signal or a fault ends it. */
static atomic_int stop, over;

static void *runner(void *unused)
{
	int ret;

	do {
		ret = raw_request(bare->vcpu, DUNE_VCPU_RUN, NULL);
	} while (!stop && (ret == -EINTR || (!ret && bare->run->exit_reason == DUNE_EXIT_FAULT)));
	over = 1;
	return unused + ret;
}

static pthread_t runner_start(void)
{
	pthread_t thread;

	stop = over = 0;
	pthread_create(&thread, NULL, runner, NULL);
	return thread;
}

static struct bare_end runner_join(pthread_t thread)
{
	void *ret;

	pthread_join(thread, &ret);
	return bare_end(bare, (int)(long)ret);
}

static void *volatile_word(unsigned int nr)
{
	return (uint64_t *)bare_at(bare, BARE_DATA) + nr;
}

#define WORD(nr) (*(volatile uint64_t *)volatile_word(nr))

static void wait_for_more(unsigned int nr, uint64_t than)
{
	while (WORD(nr) <= than && !over)
		usleep(100);
}

static void while_it_runs(void)
{
	uint64_t turns;
	pthread_t thread;

	load(0, IF, CODE("incq (%%rsi)\n\t" SPIN));
	WORD(0) = 0;
	thread = runner_start();
	wait_for_more(0, 0);
	send(0x40);
	ktap_check(came(runner_join(thread), 0x40, 3), "into a loop of ring 0");
	load(3, IF, CODE("incq (%%rsi)\n\t" SPIN));
	WORD(0) = 0;
	thread = runner_start();
	wait_for_more(0, 0);
	send(0x40);
	ktap_check(came(runner_join(thread), 0x40, 3), "into a loop of ring 3");
	load(0, 0, CODE("1: incq (%%rsi)\n\tcmpq $0, 8(%%rsi)\n\tje 1b\n\tsti\n\tnop\n\tnop"));
	WORD(0) = WORD(1) = 0;
	thread = runner_start();
	wait_for_more(0, 0);
	send(0x40);
	turns = WORD(0);
	wait_for_more(0, turns + 1000);
	ktap_check(!over, "not into a loop with interrupts off");
	WORD(1) = 1;
	ktap_check(came(runner_join(thread), 0x40, 12), "but as soon as they are on");
}

/*
 * The guest counts in two registers, with a store in each turn; the interrupts' handlers
 * count in words of their own. Meanwhile the host takes and gives the right to write, of
 * data and of the handlers' stack, and signals come.
 */
static void storm(void)
{
	static const char handler[] = "\x48\xff\x46\x08\x48\xcf"; /* incq 8(%rsi); iretq */
	static const char other[] = "\x48\xff\x46\x10\x48\xcf";	  /* incq 16(%rsi); iretq */
	unsigned char *next = bare->memory + BARE_CODE_NEXT * BARE_PAGE;
	uint64_t before, sent[2] = { 0 };
	unsigned int i, j, lost = 0, seed = 5;
	struct dune_stats stats = { .size = sizeof(stats) };
	struct bare_end end;
	pthread_t thread;

	load(0, IF, CODE("xor %%ebx, %%ebx\n\txor %%r12d, %%r12d\n"
			 "1: inc %%rbx\n\tinc %%r12\n\tmov %%rbx, (%%rsi)\n\t"
			 "mov %%rbx, 4096(%%rsi)\n\t"
			 "cmp %%rbx, %%r12\n\tjne 2f\n\tcmp %%rsi, %%rdi\n\tjne 2f\n\t"
			 "cmpq $0, 24(%%rsi)\n\tje 1b\n\tvmmcall\n2: ud2"));
	memcpy(next, handler, sizeof(handler));
	memcpy(next + 64, other, sizeof(other));
	bare_gate_set(bare, 0x40, (uint64_t)next, 0x8e, BARE_CS0, 1);
	bare_gate_set(bare, 0x99, (uint64_t)next + 64, 0x8e, BARE_CS0, 1);
	memset(volatile_word(0), 0, 64);
	thread = runner_start();
	for (i = 0; i < BURSTS && !over; i++) {
		unsigned int which = i & 1, n = 1 + rand_r(&seed) % 4;

		before = WORD(1 + which);
		for (j = 0; j < n; j++) {
			unsigned int page = rand_r(&seed) & 1 ? BARE_TRAP : BARE_DATA;

			mprotect((void *)bare_at(bare, page), BARE_PAGE, PROT_READ);
			sent[which] += !send(which ? 0x99 : 0x40);
			mprotect((void *)bare_at(bare, page), BARE_PAGE, PROT_READ | PROT_WRITE);
		}
		if (i % 16 == 0)
			pthread_kill(thread, SIGUSR1);
		for (j = 0; j < 2000 && WORD(1 + which) == before && !over; j++)
			usleep(50);
		lost += WORD(1 + which) == before;
	}
	WORD(3) = 1;
	end = runner_join(thread);
	raw_request(bare->vcpu, DUNE_VCPU_STATS, &stats);
	ktap_check(i == BURSTS && !lost, "none is lost in a storm");
	ktap_check(WORD(1) <= sent[0] && WORD(2) <= sent[1], "and none comes that was not sent");
	ktap_check(end.vector == BARE_NONE && end.reason == DUNE_EXIT_SYSCALL &&
			   bare->run->regs.rbx == bare->run->regs.r12,
		   "the registers are as they were");
	ktap_check(stats.events_reinjected > 0, "some met a fault on their way");
}

static void interrupted(int signal)
{
	(void)signal;
}

int main(void)
{
	const struct sigaction action = { .sa_handler = interrupted };

	sigaction(SIGUSR1, &action, NULL);
	ktap_plan(5 + 6 + 5 + 4 + 4 + 4);
	bare = bare_create();
	refusals();
	before_it_runs();
	held_back();
	with_others();
	while_it_runs();
	storm();
	bare_destroy(bare);
	return ktap_exit_status();
}
