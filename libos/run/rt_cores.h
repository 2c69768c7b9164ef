/* SPDX-License-Identifier: MIT */
/* Sets of CPUs, and the two ways in which the kernel writes them. */
#ifndef DUNE_RUN_RT_CORES_H
#define DUNE_RUN_RT_CORES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CORES_MAX 1024u
#define CORES_WORDS (CORES_MAX / 64)
#define CORES_TEXT 5120 /* room for any of them, as list or mask */

struct cores {
	uint64_t bits[CORES_WORDS];
};

/* NULL, or what is wrong. A list is 0-2,5; "" is the empty one, a newline may end it. */
const char *cores_parse(struct cores *cores, const char *list);
/* A mask is hexadecimal words with commas between them. False: it is none. */
bool cores_parse_mask(struct cores *cores, const char *mask);
/* Into CORES_TEXT bytes; to. */
char *cores_list(const struct cores *cores, char *to);
char *cores_mask(const struct cores *cores, char *to);

unsigned int cores_count(const struct cores *cores);
/* The first from `from' on, CORES_MAX if there is none. */
unsigned int cores_next(const struct cores *cores, unsigned int from);
struct cores cores_and(const struct cores *a, const struct cores *b);
struct cores cores_without(const struct cores *a, const struct cores *b);
void cores_join(struct cores *to, const struct cores *more);
bool cores_equal(const struct cores *a, const struct cores *b);

static inline bool cores_has(const struct cores *cores, unsigned int cpu)
{
	return cpu < CORES_MAX && cores->bits[cpu / 64] >> (cpu % 64) & 1;
}

static inline void cores_add(struct cores *cores, unsigned int cpu)
{
	if (cpu < CORES_MAX)
		cores->bits[cpu / 64] |= 1ull << (cpu % 64);
}

static inline bool cores_overlap(const struct cores *a, const struct cores *b)
{
	struct cores both = cores_and(a, b);

	return cores_count(&both);
}

#endif
