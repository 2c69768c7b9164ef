// SPDX-License-Identifier: MIT
/*
 * State that no CPU accepts, or that a CPU accepts only from itself, asked for
 * through the run page: vectors, flags, system registers, and changes between
 * two runs. What is not refused is delivered; nothing reaches the CPU's own check.
 */
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/bare.h"
#include "lib/ktap.h"

#define RFLAGS_IF (1ul << 9)

static struct bare *bare;

/* Run nothing with that event: how it ended. */
static struct bare_end with_event(struct dune_event event, uint64_t rflags)
{
	bare_reset(bare);
	bare->run->regs.rflags = rflags;
	bare_load(bare, 0, "", 0);
	bare->run->event = event;
	bare->run->flags |= DUNE_RUN_EVENT;
	return bare_run(bare);
}

static bool is_exception(unsigned int vector)
{
	return vector < 20 && vector != 2 && vector != 9 && vector != 15;
}

static void vectors(void)
{
	unsigned int exceptions = 0, interrupts = 0, masked = 0, none = 0, errors = 0, wide = 0;
	unsigned int vector;

	for (vector = 0; vector < 256; vector++) {
		struct dune_event event = { .vector = vector, .cr2 = 0x123456789000,
					    .error_code = vector == 17 ? 0 : 0x7ff8 };
		struct bare_end end = with_event(event, 2 | RFLAGS_IF);
		bool delivered = !end.error && end.vector == (int)vector;

		if (vector >= 32) {
			interrupts += delivered;
			masked += with_event(event, 2).error == -EINVAL;
			continue;
		}
		if (!is_exception(vector)) {
			none += end.error == -EINVAL;
			continue;
		}
		exceptions += delivered && end.rip == bare_at(bare, BARE_CODE);
		errors += delivered && end.error_code == event.error_code && end.error_code;
		event.error_code = 0x8000;
		wide += with_event(event, 2).error == -EINVAL;
	}
	ktap_check(exceptions == 17, "every exception is delivered: %u", exceptions);
	ktap_check(errors == 6, "those that have one bring their error code: %u", errors);
	ktap_check(wide == 17, "no error code is wider than what CPUs push: %u", wide);
	ktap_check(none == 15, "vectors that are no exception are invalid: %u", none);
	ktap_check(interrupts == 224, "every interrupt is delivered with IF set: %u", interrupts);
	ktap_check(masked == 224, "and invalid with IF clear: %u", masked);
	ktap_check(with_event((struct dune_event){ .vector = 14, .cr2 = 0x123456789000 }, 2).cr2 ==
			   0x123456789000,
		   "a page fault brings its address");
	ktap_check(with_event((struct dune_event){ .vector = 14, .reserved[2] = 1 }, 2).error ==
			   -EINVAL,
		   "an event with a reserved byte is invalid");
}

/* An event without an IDT ends the guest, and only the guest. */
static void without_gates(void)
{
	struct bare_end end;

	bare_reset(bare);
	bare_load(bare, 0, "", 0);
	bare->run->sregs.idt_limit = 0;
	bare->run->event = (struct dune_event){ .vector = 13 };
	bare->run->flags |= DUNE_RUN_EVENT;
	end = bare_run(bare);
	ktap_check(!end.error && end.reason == DUNE_EXIT_SHUTDOWN,
		   "an exception without a gate is a shutdown");
	ktap_check(bare_run(bare).error == -ENODEV, "and the vCPU is dead");
}

/* Every bit of RFLAGS: the ones a guest may have arrive, the others do not. */
static void flags(void)
{
	/* CF PF AF ZF SF IF DF OF IOPL NT AC ID; TF and RF do not last. */
	const uint64_t own = 0xd5 | 0xe00 | 0x3000 | 0x4000 | 0x40000 | 0x200000;
	uint64_t seen = 0, wrong = 0;
	unsigned int bit;

	for (bit = 0; bit < 64; bit++) {
		struct bare_end end;

		if (bit == 8 || bit == 16)
			continue;
		bare_reset(bare);
		bare->run->regs.rflags = 1ul << bit;
		bare_load(bare, 0, "", 0);
		end = bare_run(bare);
		if (!end.reached_end)
			wrong |= 1ul << bit;
		seen |= end.rflags & 1ul << bit;
	}
	ktap_check(!wrong, "no bit of RFLAGS stops a run");
	ktap_check((seen & ~2ul) == own,
		   "only a guest's own flags arrive: %#lx", seen & ~2ul);
	bare_reset(bare);
	bare->run->regs.rflags = ~0ul;
	bare_load(bare, 0, "\x90", 1);
	ktap_check(bare_run(bare).vector == 1, "all flags at once are a single step");
}

/* An interrupt that meets a fault of the host, and what may be changed before it goes on. */
static void interrupted_delivery(void)
{
	unsigned char *stack = bare->memory + BARE_TRAP * BARE_PAGE;
	struct bare_end end;

	mprotect(stack, BARE_PAGE, PROT_READ);
	end = with_event((struct dune_event){ .vector = 0x40 }, 2 | RFLAGS_IF);
	ktap_check(end.reason == DUNE_EXIT_FAULT &&
			   bare->run->fault.flags == (DUNE_FAULT_WRITE | DUNE_FAULT_EVENT),
		   "an interrupt on a read-only stack is a fault of the host");
	mprotect(stack, BARE_PAGE, PROT_READ | PROT_WRITE);
	bare->run->flags = DUNE_RUN_EVENT;
	ktap_check(bare_run(bare).error == -EBUSY, "no other event goes before it");
	bare->run->flags = 0;
	bare->run->regs.rflags &= ~RFLAGS_IF;
	ktap_check(bare_run(bare).error == -EINVAL, "it is not delivered with IF clear");
	bare->run->regs.rflags |= RFLAGS_IF;
	end = bare_run(bare);
	ktap_check(end.vector == 0x40 && end.rip == bare_at(bare, BARE_CODE),
		   "repaired, it is delivered");
}

/* How an event, or with vector 0 the code, ends whose frame the host at first lets nobody write. */
static struct bare_end delivered_late(unsigned int vector, const char *code, size_t size)
{
	unsigned char *stack = bare->memory + BARE_TRAP * BARE_PAGE;
	struct bare_end end;

	bare_reset(bare);
	bare_load(bare, 0, code, size);
	bare->run->event = (struct dune_event){ .vector = vector };
	bare->run->flags |= vector ? DUNE_RUN_EVENT : 0;
	mprotect(stack, BARE_PAGE, PROT_READ);
	end = bare_run(bare);
	mprotect(stack, BARE_PAGE, PROT_READ | PROT_WRITE);
	if (end.error || end.reason != DUNE_EXIT_FAULT)
		return end;
	return bare_run(bare);
}

/* Those that an instruction raises, too: CPUs tell the two kinds apart, or do not. */
static void traps_delivered_late(void)
{
	uint64_t code = bare_at(bare, BARE_CODE);
	struct bare_end end;

	end = delivered_late(3, "", 0);
	ktap_check(end.vector == 3 && end.rip == code, "a breakpoint from outside is not lost");
	end = delivered_late(4, "", 0);
	ktap_check(end.vector == 4 && end.rip == code, "an overflow from outside is not lost");
	end = delivered_late(3, "\xcc", 1);
	ktap_check(end.vector == 3 && end.rip == code,
		   "nor is one from outside on an INT3 taken for its own");
	end = delivered_late(0, "\xcc", 1);
	ktap_check(end.vector == 3 && end.rip == code + 1, "an INT3 is delivered once, behind it");
	end = delivered_late(0, "\xcd\x04", 2);
	ktap_check(end.vector == 4 && end.rip == code + 2, "an INT 4 is delivered once, behind it");
}

/* Code at page 511 and its neighbours appears below 4 GiB, too, in 32-bit segments. */
static void compatibility_mode(void)
{
	const unsigned int last = BARE_BYTES / BARE_PAGE - 1;
	uint64_t *root = (uint64_t *)(bare->memory + BARE_ROOT * BARE_PAGE);
	uint64_t *pdpt = (uint64_t *)(bare->memory + BARE_PDPT * BARE_PAGE);
	uint64_t *pd = (uint64_t *)(bare->memory + BARE_PD * BARE_PAGE);
	uint32_t low = (uint32_t)bare_at(bare, BARE_CODE);
	unsigned char code[32] = { 0x6a, BARE_GDT_FREE, 0x68, 0, 0, 0, 0, 0x48, 0xcb };
	unsigned char *tail = bare->memory + BARE_BYTES - 2;
	struct bare_end end;
	uint32_t to = low + 16;

	bare_reset(bare);
	root[0] = root[bare_at(bare, 0) >> 39];
	pdpt[3] = pdpt[bare_at(bare, 0) >> 30 & 511];
	pd[511] = pd[bare_at(bare, 0) >> 21 & 511];
	bare_gdt(bare)[BARE_GDT_FREE / 8] = 0x00cf9b000000fffful;
	memcpy(code + 3, &to, 4);
	memcpy(code + 16, "\x0f\x01\xd9", 3);
	bare_load(bare, 0, code, sizeof(code));
	end = bare_run(bare);
	ktap_check(end.reason == DUNE_EXIT_SYSCALL && bare->run->regs.rip == to + 3,
		   "a hypercall in compatibility mode");
	bare->run->regs.rip = bare_at(bare, BARE_CODE);
	end = bare_run(bare);
	ktap_check(!end.error && end.reason == DUNE_EXIT_SYSCALL &&
			   bare->run->regs.rip == to + 3,
		   "goes on below four GiB wherever it is sent");

	memcpy(tail, "\x0f\xa2", 2); /* CPUID, the last before four GiB */
	bare_entry(bare, last)[0] |= BARE_PRESENT;
	bare->run->regs.rip = UINT32_MAX - 1;
	end = bare_run(bare);
	ktap_check(end.vector == 14 && end.rip == 0 && end.cr2 == 0,
		   "and behind the last instruction comes the first");
}

/* Each sets something in sregs that is refused. */
#define SREGS_REFUSED(name, change)                                   \
	({                                                            \
		struct dune_sregs *s = &bare->run->sregs;             \
		bare_reset(bare);                                     \
		bare_load(bare, 0, "", 0);                            \
		change;                                               \
		ktap_check(bare_run(bare).error == -EINVAL, name);    \
	})

static void system_registers(void)
{
	SREGS_REFUSED("sfmask beyond its width is invalid", s->sfmask = 1ul << 32);
	SREGS_REFUSED("a GDT that is not canonical is invalid", s->gdt_base = 1ul << 47);
	SREGS_REFUSED("an IDT that is not canonical is invalid", s->idt_base = 1ul << 63);
	SREGS_REFUSED("a TSS that is not canonical is invalid", s->tss_base = 1ul << 55);
	SREGS_REFUSED("a GS base that is not canonical is invalid", s->gs_base = 1ul << 62);
	SREGS_REFUSED("a kernel GS base that is not canonical is invalid",
		      s->kernel_gs_base = 1ul << 48);
	bare_reset(bare);
	bare_load(bare, 0, "", 0);
	bare->run->sregs.cr3 |= 0x10;
	ktap_check(bare_run(bare).error == (bare_pcid() ? 0 : -EINVAL),
		   "cr3 with a PCID is invalid unless the CPU has them");
	SREGS_REFUSED("cr3 beyond the slots is invalid", s->cr3 = 1ul << 30);
	SREGS_REFUSED("cr3 with the bit that keeps translations is invalid", s->cr3 |= 1ul << 63);
	SREGS_REFUSED("cs in an LDT is invalid", s->cs |= 4);
	SREGS_REFUSED("ss of ring three is invalid", s->ss |= 3);
	SREGS_REFUSED("tr of ring one is invalid", s->tr |= 1);
	SREGS_REFUSED("a reserved word is invalid", s->reserved = 1u << 31);
	bare_reset(bare);
	bare_load(bare, 0, "", 0);
	bare->run->sregs.star = ~0ul;
	bare->run->sregs.ss = 0;
	bare->run->sregs.tr = 0xfff8;
	bare->run->sregs.tss_limit = bare->run->sregs.gdt_limit = 0;
	ktap_check(bare_run(bare).reached_end, "what only the guest would miss is accepted");
}

/* A random word, of the kinds that are most often right or nearly so. */
static uint64_t nearly(unsigned int *seed)
{
	uint64_t word = (uint64_t)rand_r(seed) << 33 ^ (uint64_t)rand_r(seed) << 11 ^
			(uint64_t)rand_r(seed);

	switch (rand_r(seed) % 6) {
	case 0:
		return word;
	case 1:
		return bare_at(bare, word % 512);
	case 2:
		return bare->gpa + word % 512 * BARE_PAGE;
	case 3:
		return 1ul << word % 64;
	case 4:
		return word & 0xff8;
	default:
		return (uint64_t)((int64_t)word >> 17);
	}
}

static void interrupted(int signal)
{
	(void)signal;
}

static void garbage(void)
{
	struct sigaction action = { .sa_handler = interrupted };
	struct itimerval timer = { { 0, 2000 }, { 0, 2000 } };
	unsigned int seed = 1, i, j, entered = 0, refused = 0, other = 0;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (i = 0; i < 1500; i++) {
		uint64_t *sregs = (uint64_t *)&bare->run->sregs;
		uint64_t *regs = (uint64_t *)&bare->run->regs;
		int ret;

		if (i % 8 == 0)
			bare_reset(bare);
		else if (bare->run->exit_reason == DUNE_EXIT_SHUTDOWN)
			bare_vcpu_renew(bare), bare_reset(bare);
		for (j = rand_r(&seed) % 4; j; j--)
			regs[rand_r(&seed) % 18] = nearly(&seed);
		for (j = rand_r(&seed) % 4; j; j--)
			sregs[rand_r(&seed) % (sizeof(struct dune_sregs) / 8)] = nearly(&seed);
		bare->run->sregs.reserved = 0;
		bare->run->sregs.sfmask &= UINT32_MAX;
		bare->run->event = (struct dune_event){ .vector = rand_r(&seed),
							.error_code = rand_r(&seed) & 0x7fff };
		bare->run->flags = rand_r(&seed) & 3;
		ret = raw_request(bare->vcpu, DUNE_VCPU_RUN, NULL);
		entered += ret == 0 || ret == -EINTR;
		refused += ret == -EINVAL || ret == -EBUSY;
		if (ret && ret != -EINVAL && ret != -EBUSY && ret != -EINTR)
			other++;
		bare->run->flags = 0;
	}
	timer = (struct itimerval){ 0 };
	setitimer(ITIMER_REAL, &timer, NULL);
	ktap_check(!other && entered > 100 && refused > 300,
		   "random state runs or is refused: %u ran, %u refused, %u else", entered,
		   refused, other);
	bare_vcpu_renew(bare);
	bare_reset(bare);
	bare_load(bare, 0, "", 0);
	ktap_check(bare_run(bare).reached_end, "and the next guest is as good as new");
}

int main(void)
{
	ktap_plan(41);
	bare = bare_create();
	vectors();
	without_gates();
	flags();
	interrupted_delivery();
	traps_delivered_late();
	compatibility_mode();
	system_registers();
	garbage();
	bare_destroy(bare);
	return ktap_exit_status();
}
