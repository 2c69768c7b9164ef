/* SPDX-License-Identifier: MIT */
/*
 * A hostile guest: code and state made of parts, each decided by the seed, the
 * guest's number and the part's number alone, so that a guest stays the same
 * guest when other parts of it are left out.
 */
#ifndef FUZZ_GUEST_H
#define FUZZ_GUEST_H

#include "lib/bare.h"
#include "random.h"

#define GUEST_CODE_PARTS 24  /* bits 0..23 of a guest's parts: instructions */
#define GUEST_STATE_PARTS 16 /* bits 24..39: changes of its state */
#define GUEST_ROUNDS 4	     /* times that it is entered at most */
#define GUEST_ALL_PARTS ((1ull << (GUEST_CODE_PARTS + GUEST_STATE_PARTS)) - 1)

struct guest {
	struct bare *bare;
	uint64_t seed, index;
	uint64_t parts;	      /* that it has */
	bool tcg;	      /* QEMU: leave out what it does not survive */
	int ring;
	unsigned char code[1024];
	size_t size;
};

/* A value from where mistakes are made: edges of pages and of address spaces. */
uint64_t guest_value(const struct bare *bare, struct random *r);

void guest_code(struct guest *guest);
/* After bare_reset(): spoils state, loads the code, points the vCPU at it. */
void guest_state(struct guest *guest);
/* Before it is entered once more: what user space may change meanwhile. */
void guest_next(struct guest *guest, unsigned int round);

#endif
