/* SPDX-License-Identifier: MIT */
/*
 * One check a line: code in ring 0 or 3 of a bare guest, and the result it must
 * have, in words that mean the same on every processor:
 *
 *   "runs"          it ran to its last byte
 *   "#GP(0)"        the exception, with its error code if it has one
 *   "exit FAULT"    the run ended with that DUNE_EXIT_*
 *   "errno 4"       the run failed with it
 *
 * "a|b" allows either; "@5" behind an exception also wants that offset in rip.
 */
#ifndef TESTS_PROBE_H
#define TESTS_PROBE_H

#include "lib/bare.h"
#include "lib/ktap.h"

/* The guest of all checks; each check leaves it reset for the next one's preparations. */
extern struct bare *probe_guest;

void probe_init(void);
/* Load and run, and describe: the end is also in probe_last. */
bool probe_code(int ring, const char *expected, const void *code, size_t size);
extern struct bare_end probe_last;

/* Words for an end, in a buffer that the next call takes. */
const char *probe_words(const struct bare_end *end, bool with_offset);
/* Whether an end is what is expected; says so if not. */
bool probe_is(const struct bare_end *end, const char *expected);

static inline struct dune_regs *probe_regs(void)
{
	return &probe_guest->run->regs;
}

static inline struct dune_sregs *probe_sregs(void)
{
	return &probe_guest->run->sregs;
}

/* The bytes of an instruction sequence: registers are written %%rax. */
struct code {
	const unsigned char *start, *end;
};

#define CODE(text)                                                        \
	({                                                                \
		struct code code_;                                        \
		asm(".pushsection .rodata\n770:\n\t" text                 \
		    "\n771:\n.popsection\n\t"                             \
		    "lea 770b(%%rip), %0\n\tlea 771b(%%rip), %1"          \
		    : "=&r"(code_.start), "=r"(code_.end));               \
		code_;                                                    \
	})

/* One run, no check of its own. */
#define RUN(ring, expected, text)                                            \
	({                                                                   \
		struct code run_ = CODE(text);                               \
		probe_code(ring, expected, run_.start, run_.end - run_.start); \
	})

/* A check in one ring, and in both with a result for each. */
#define RING(ring, name, expected, text)                               \
	do {                                                           \
		ktap_check(RUN(ring, expected, text), "ring %d, " name, ring); \
		bare_reset(probe_guest);                               \
	} while (0)

#define RINGS(name, expected0, expected3, text) \
	do {                                    \
		RING(0, name, expected0, text); \
		RING(3, name, expected3, text); \
	} while (0)

#endif
