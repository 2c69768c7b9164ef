// SPDX-License-Identifier: MIT
/* Guests that never end, single steps, and the shadows in which interrupts wait. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/bare.h"
#include "lib/ktap.h"

/* Places in dune_stats.exits: the order of the module's list of reasons. */
#define EXITS_DEBUG 16
#define EXITS_ALIGN 17

#define TF 0x100
#define IF 0x200
#define AC 0x40000
#define CPUID "\x0f\xa2"
#define HYPERCALL "\x0f\x01\xd9"
#define IRETQ "\x48\xcf"
#define SPIN "\xeb\xfe"
#define MOV_SS "\x8e\xd0" /* mov %eax, %ss */

static struct bare *bare;

#define LOAD(ring, code) (bare_reset(bare), bare_load(bare, ring, code, sizeof(code) - 1))

static void on_alarm(int signal)
{
	(void)signal;
}

/* The timer goes off again and again: one signal may come before the guest runs. */
static bool interrupted(void)
{
	const struct itimerval often = { { 0, 10000 }, { 0, 10000 } }, never = { 0 };
	struct bare_end end;
	int ret;

	setitimer(ITIMER_REAL, &often, NULL);
	ret = raw_request(bare->vcpu, DUNE_VCPU_RUN, NULL);
	setitimer(ITIMER_REAL, &never, NULL);
	if (ret == -EINTR && bare->run->exit_reason == DUNE_EXIT_INTR)
		return true;
	end = bare_end(bare, ret);
	printf("# run %d, exit %u, hw %#llx, vector %d, error code %#x, rip %#lx\n", ret,
	       end.reason, bare->run->hw_reason, end.vector, end.error_code, end.rip);
	return false;
}

/* How often the VM's guests left for that reason. */
static uint64_t exits(unsigned int reason)
{
	struct dune_stats stats = { .size = sizeof(stats) };

	return raw_request(bare->vm, DUNE_VM_STATS, &stats) ? 0 : stats.exits[reason];
}

/*
 * Interrupts end such a loop on these machines even if the exceptions do not exit;
 * on a CPU that raises them while it delivers them nothing would: so they must exit.
 */
static bool interrupted_by_exits(unsigned int reason)
{
	uint64_t before = exits(reason);
	bool ended = interrupted();
	uint64_t grown = exits(reason) - before;

	if (grown < 2)
		printf("# %llu exits\n", (unsigned long long)grown);
	return ended && grown >= 2;
}

/* The vector's handler is the code on BARE_CODE_NEXT. */
static void handler_set(unsigned int vector, const char *code, size_t size)
{
	memcpy((void *)bare_at(bare, BARE_CODE_NEXT), code, size);
	bare_gate_set(bare, vector, bare_at(bare, BARE_CODE_NEXT), 0xee, BARE_CS0, 1);
}

static void loops(void)
{
	LOAD(0, SPIN);
	ktap_check(interrupted(), "a loop with interrupts masked");
	LOAD(0, SPIN);
	bare->run->regs.rflags |= IF;
	ktap_check(interrupted(), "a loop with interrupts on");
	LOAD(3, SPIN);
	ktap_check(interrupted(), "a loop in ring 3");
	LOAD(0, "\x0f\x0b");
	handler_set(BARE_UD, IRETQ, 2);
	ktap_check(interrupted(), "an exception that its handler repeats");
	LOAD(0, "\x8a\x00"); /* mov (%rax), %al */
	handler_set(BARE_PF, "\x48\x83\xc4\x08" IRETQ, 6);
	ktap_check(interrupted(), "a page fault that its handler repeats");
	LOAD(0, SPIN);
	bare->run->regs.rflags |= TF;
	handler_set(BARE_DB, IRETQ, 2);
	ktap_check(interrupted_by_exits(EXITS_DEBUG), "a single step for ever");
	LOAD(3, "\x8b\x46\x01"); /* mov 1(%rsi), %eax */
	((uint64_t *)bare_at(bare, BARE_FRAME))[2] |= AC;
	handler_set(BARE_AC, "\x48\x83\xc4\x08" IRETQ, 6);
	ktap_check(interrupted_by_exits(EXITS_ALIGN),
		   "an alignment check that its handler repeats");
	LOAD(0, CPUID "\xeb\xfc");
	ktap_check(interrupted(), "exits for ever");
	LOAD(0, "\x0f\xae\xf0\xf3\x90\xeb\xf9"); /* mfence; pause; jmp */
	ktap_check(interrupted(), "a polite loop for ever");
	LOAD(0, "\xf3\xa4"); /* rep movsb, without end and over its own tail */
	bare->run->regs.rcx = ~0ul;
	bare->run->regs.rdi = bare_at(bare, BARE_FREE);
	ktap_check(bare_run(bare).vector == BARE_PF, "a copy without end meets its end");
}

static void single_steps(void)
{
	uint64_t code = bare_at(bare, BARE_CODE);
	struct bare_end end;

	LOAD(0, "\x90\x90");
	bare->run->regs.rflags |= TF;
	end = bare_run(bare);
	ktap_check(end.vector == BARE_DB && end.rip == code + 1, "step over nop");
	LOAD(0, CPUID "\x90");
	bare->run->regs.rflags |= TF;
	end = bare_run(bare);
	ktap_check(end.vector == BARE_DB && end.rip == code + 2, "step over cpuid");
	LOAD(0, HYPERCALL "\x90");
	bare->run->regs.rflags |= TF;
	end = bare_run(bare);
	ktap_check(end.reason == DUNE_EXIT_SYSCALL && end.vector == BARE_NONE &&
			   end.rip == code + 3, "a hypercall under a step first leaves");
	end = bare_run(bare);
	ktap_check(end.vector == BARE_DB && end.rip == code + 3, "and then steps");
	LOAD(3, "\x90\x90");
	((uint64_t *)bare_at(bare, BARE_FRAME))[2] |= TF;
	end = bare_run(bare);
	ktap_check(end.vector == BARE_DB && end.rip == code + 1, "step in ring 3");
	LOAD(3, CPUID "\x90");
	((uint64_t *)bare_at(bare, BARE_FRAME))[2] |= TF;
	end = bare_run(bare);
	ktap_check(end.vector == BARE_DB && end.rip == code + 2, "step over cpuid in ring 3");
	LOAD(0, "\x8a\x06\x90"); /* mov (%rsi), %al: a nested fault first */
	madvise((void *)bare_at(bare, BARE_DATA), BARE_PAGE, MADV_DONTNEED);
	bare->run->regs.rflags |= TF;
	end = bare_run(bare);
	ktap_check(end.vector == BARE_DB && end.rip == code + 2, "step over a nested fault");
}

/* Leave by a hypercall in the shadow of an instruction, then have an interrupt delivered. */
static bool interrupt_after(const char *code, size_t size, size_t left_at)
{
	struct bare_end end;

	bare_reset(bare);
	bare_load(bare, 0, code, size);
	bare->run->regs.rax = BARE_SS0;
	bare->run->regs.rflags |= IF;
	end = bare_run(bare);
	if (end.reason != DUNE_EXIT_SYSCALL || end.rip != bare_at(bare, BARE_CODE) + left_at)
		return false;
	bare->run->flags = DUNE_RUN_EVENT;
	bare->run->event = (struct dune_event){ .vector = 0x40 };
	end = bare_run(bare);
	if (end.vector == 0x40 && end.rip == bare_at(bare, BARE_CODE) + left_at)
		return true;
	printf("# error %d, exit %u, hw %#llx, vector %d, rip %#lx\n", end.error, end.reason,
	       bare->run->hw_reason, end.vector, end.rip);
	return false;
}

#define INTERRUPT_AFTER(code) interrupt_after(code HYPERCALL "\x90", sizeof(code) + 3, \
					       sizeof(code) - 1 + 3)

static void shadows(void)
{
	ktap_check(INTERRUPT_AFTER("\x90"), "an interrupt after a hypercall");
	ktap_check(INTERRUPT_AFTER("\xfa\xfb"), "an interrupt after one in the shadow of sti");
	ktap_check(INTERRUPT_AFTER(MOV_SS), "an interrupt after one in the shadow of mov ss");
	LOAD(0, "\xfb" CPUID);
	ktap_check(bare_run(bare).reached_end, "cpuid in the shadow of sti");
	LOAD(0, MOV_SS CPUID);
	bare->run->regs.rax = BARE_SS0;
	ktap_check(bare_run(bare).reached_end, "cpuid in the shadow of mov ss");
	LOAD(0, MOV_SS "\x8a\x06");
	madvise((void *)bare_at(bare, BARE_DATA), BARE_PAGE, MADV_DONTNEED);
	bare->run->regs.rax = BARE_SS0;
	ktap_check(bare_run(bare).reached_end, "a nested fault in the shadow of mov ss");
	LOAD(0, MOV_SS "\x0f\x0b");
	bare->run->regs.rax = BARE_SS0;
	ktap_check(bare_run(bare).vector == BARE_UD, "an exception in the shadow of mov ss");
	LOAD(0, MOV_SS "\xcd\x40\x90");
	bare->run->regs.rax = BARE_SS0;
	bare->run->regs.rflags |= TF;
	ktap_check(bare_run(bare).vector == 0x40, "a step and int in the shadow of mov ss");
	/* The step is put off by mov ss; the hypercall leaves; user space clears and sets TF. */
	LOAD(0, MOV_SS HYPERCALL "\x90");
	bare->run->regs.rax = BARE_SS0;
	bare_run(bare);
	bare->run->regs.rflags |= TF;
	ktap_check(bare_run(bare).vector == BARE_DB, "a step set from outside in a shadow");
	LOAD(0, "\xfb\x8a\x06\x90"); /* sti; mov (%rsi), %al */
	mprotect((void *)bare_at(bare, BARE_DATA), BARE_PAGE, PROT_NONE);
	bare_run(bare);
	mprotect((void *)bare_at(bare, BARE_DATA), BARE_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
	bare->run->regs.rflags |= TF;
	ktap_check(bare_run(bare).vector == BARE_DB, "a step set at a fault in the shadow of sti");
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &action, NULL);
	bare = bare_create();
	ktap_plan(10 + 7 + 10);
	loops();
	single_steps();
	shadows();
	bare_destroy(bare);
	return ktap_exit_status();
}
