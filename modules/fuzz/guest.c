// SPDX-License-Identifier: MIT
/*
 * Hostile guests: random code and state in ring 0 and ring 3 of a bare guest,
 * each decided by a seed and its number, cut off after milliseconds. What the
 * module may answer is known; another answer, or a line in the kernel's log,
 * ends the run with a reproducer as small as it gets.
 */
#include "guest.h"

#include <cpuid.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/ktap.h"

#define CUTS 2 /* ticks of the clock that end a guest */

enum outcome {
	EXCEPTION, /* 32 of them, by vector */
	INTERRUPT = EXCEPTION + 32,
	HYPERCALL,
	FAULT,
	SHUTDOWN,
	CUT,
	REFUSED, /* state that run_page_load() did not take */
	EMULATOR, /* a known fault of it */
	WRONG,
	OUTCOMES,
};

static const char *const names[OUTCOMES] = {
	[INTERRUPT] = "interrupt", [HYPERCALL] = "hypercall", [FAULT] = "host fault",
	[SHUTDOWN] = "shutdown", [CUT] = "cut off", [REFUSED] = "state refused",
	[EMULATOR] = "emulator's fault", [WRONG] = "WRONG",
};

static unsigned char fpu_clean[512] __attribute__((aligned(16)));
static uint64_t counts[OUTCOMES], entries;
static const char *wrong; /* what was, of the last guest */
static char wrong_line[160];
static bool tcg;
static int kmsg = -1;

static void on_tick(int signal)
{
	(void)signal;
}

/* Whether the kernel said something that a guest must not make it say. */
static bool kernel_complains(void)
{
	static const char *const bad[] = { "BUG", "WARNING", "Oops", "general protection",
					   "Call Trace", "dune: ", "stall", "UBSAN", "KASAN" };
	char line[1024];
	ssize_t n;
	size_t i;

	while ((n = read(kmsg, line, sizeof(line) - 1)) > 0) {
		line[n] = 0;
		for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
			if (!strstr(line, bad[i]))
				continue;
			snprintf(wrong_line, sizeof(wrong_line), "kernel: %.140s", line);
			return true;
		}
	}
	return false;
}

static enum outcome fail(const char *why)
{
	wrong = why;
	return WRONG;
}

/* One entry. `given` is false if the state may be one that the module refuses. */
static enum outcome enter(struct guest *guest, bool given)
{
	struct bare *bare = guest->bare;
	uint64_t stub;
	unsigned int cuts = 0;
	int ret;

	bare->run->hw_reason = 0;
	do {
		ret = raw_request(bare->vcpu, DUNE_VCPU_RUN, NULL);
	} while (ret == -EINTR && ++cuts < CUTS);
	entries++;
	asm volatile("fxrstor %0" : : "m"(fpu_clean) : "memory");
	if (ret == -EINTR)
		return bare->run->exit_reason == DUNE_EXIT_INTR ? CUT : fail("EINTR, not INTR");
	/* QEMU's TCG calls a guest's write of a CR3 beyond MAXPHYADDR a refused entry. */
	if (ret == -EINVAL && bare->run->hw_reason)
		return tcg ? EMULATOR : fail("the CPU refuses the entry");
	if ((ret == -EINVAL || ret == -EBUSY) && !given)
		return REFUSED;
	if (ret) {
		snprintf(wrong_line, sizeof(wrong_line), "errno %d, cr3 %#llx", -ret,
			 bare->run->sregs.cr3);
		return fail(wrong_line);
	}
	if (bare->run->flags & ~DUNE_RUN_EVENT_WAITS)
		return fail("flags stay");
	/* The frame is not looked at: it is where the guest wants it. */
	stub = bare->run->regs.rip - bare_at(bare, BARE_STUBS);
	switch (bare->run->exit_reason) {
	case DUNE_EXIT_SYSCALL:
		if (stub >= BARE_PAGE)
			return HYPERCALL;
		return stub / 16 < 32 ? EXCEPTION + (enum outcome)(stub / 16) : INTERRUPT;
	case DUNE_EXIT_FAULT:
		return FAULT;
	case DUNE_EXIT_SHUTDOWN:
		ret = raw_request(bare->vcpu, DUNE_VCPU_RUN, NULL);
		return ret == -ENODEV || ret == -EINTR ? SHUTDOWN : fail("alive after a shutdown");
	}
	return fail("an exit that cannot be");
}

static enum outcome guest_run(struct guest *guest, bool count)
{
	struct bare *bare = guest->bare;
	enum outcome outcome = CUT;
	unsigned int round;

	/* As new: nothing of the guest before is left. */
	mprotect(bare->memory, BARE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC);
	madvise(bare->memory, BARE_BYTES, MADV_DONTNEED);
	bare_vcpu_renew(bare);
	bare_reset(bare);
	guest_code(guest);
	guest_state(guest);
	for (round = 0; round < GUEST_ROUNDS; round++) {
		outcome = enter(guest, round == 0);
		if (count)
			counts[outcome]++;
		if (outcome == WRONG || outcome == SHUTDOWN || outcome == CUT ||
		    outcome == EMULATOR)
			break;
		guest_next(guest, round);
	}
	if (outcome != WRONG && kernel_complains())
		outcome = fail(wrong_line);
	return outcome;
}

/* Leave out what the failure does not need, then write down the rest. */
static void shrink(struct guest *guest, const char *path)
{
	FILE *file = fopen(path, "w");
	unsigned int bit;
	size_t i;

	for (bit = 0; bit < GUEST_CODE_PARTS + GUEST_STATE_PARTS; bit++) {
		uint64_t kept = guest->parts;

		guest->parts &= ~(1ull << bit);
		if (guest->parts != kept && guest_run(guest, false) != WRONG)
			guest->parts = kept;
	}
	guest_run(guest, false);
	if (!file) {
		printf("cannot write %s\n", path);
		return;
	}
	fprintf(file, "fuzz-guest --seed %lu --only %lu --parts %#lx\nwrong: %s\nring %d\ncode:",
		guest->seed, guest->index, guest->parts, wrong, guest->ring);
	for (i = 0; i < guest->size; i++)
		fprintf(file, " %02x", guest->code[i]);
	fprintf(file, "\nexit reason %u, hardware %#llx\n", guest->bare->run->exit_reason,
		guest->bare->run->hw_reason);
	fclose(file);
}

static void table_print(uint64_t seed, uint64_t guests)
{
	unsigned int i;

	printf("# seed %lu: %lu guests, %lu entries\n", seed, guests, entries);
	for (i = 0; i < OUTCOMES; i++)
		if (counts[i] && i < INTERRUPT)
			printf("# exception %-10u %lu\n", i, counts[i]);
		else if (counts[i])
			printf("# %-20s %lu\n", names[i], counts[i]);
}

static void emulator_look(void)
{
	unsigned int a, b, c, d;

	__cpuid(0x40000000, a, b, c, d);
	tcg = b == 0x54474354; /* "TCGT" */
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'c' },
		{ "first", required_argument, NULL, 'i' },
		{ "only", required_argument, NULL, 'o' },
		{ "parts", required_argument, NULL, 'p' },
		{ "shrink", required_argument, NULL, 'f' },
		{ "limit", required_argument, NULL, 'l' },
		{ 0 },
	};
	struct guest guest = { .seed = 1, .parts = GUEST_ALL_PARTS };
	struct itimerval tick = { { 0, 4000 }, { 0, 4000 } };
	const struct sigaction action = { .sa_handler = on_tick };
	const char *path = "/tmp/fuzz-guest.txt";
	uint64_t count = 100, first = 0, i;
	enum outcome outcome = CUT;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			guest.seed = strtoull(optarg, NULL, 0);
		else if (option == 'c')
			count = strtoull(optarg, NULL, 0);
		else if (option == 'i')
			first = strtoull(optarg, NULL, 0);
		else if (option == 'o')
			first = strtoull(optarg, NULL, 0), count = 1;
		else if (option == 'p')
			guest.parts = strtoull(optarg, NULL, 0);
		else if (option == 'f')
			path = optarg;
		else if (option == 'l') /* microseconds from one tick to the next */
			tick.it_interval.tv_usec = tick.it_value.tv_usec = atoi(optarg);
		else
			return 2;
	}
	emulator_look();
	guest.tcg = tcg;
	guest.bare = bare_create();
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	lseek(kmsg, 0, SEEK_END);
	asm volatile("fxsave %0" : "=m"(fpu_clean));
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &tick, NULL);
	ktap_plan(1);
	for (i = first; i < first + count && outcome != WRONG; i++) {
		guest.index = i;
		outcome = guest_run(&guest, true);
	}
	if (outcome == WRONG)
		shrink(&guest, path);
	tick = (struct itimerval){ 0 };
	setitimer(ITIMER_REAL, &tick, NULL);
	table_print(guest.seed, i - first);
	if (outcome == WRONG)
		printf("# guest %lu: %s; reproducer in %s\n", guest.index, wrong, path);
	ktap_check(outcome != WRONG, "hostile guests");
	bare_destroy(guest.bare);
	return ktap_exit_status();
}
