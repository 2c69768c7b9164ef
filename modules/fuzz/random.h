/* SPDX-License-Identifier: MIT */
/* Random numbers that a seed and a place decide, whatever was drawn elsewhere (splitmix64). */
#ifndef FUZZ_RANDOM_H
#define FUZZ_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_u64(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* The stream of one part of one guest. */
static inline struct random random_at(uint64_t seed, uint64_t index, uint64_t part)
{
	struct random r = { seed };

	r.state = random_u64(&r) + index;
	r.state = random_u64(&r) + part;
	return r;
}

/* 0 <= result < n */
static inline uint64_t random_below(struct random *r, uint64_t n)
{
	return random_u64(r) % n;
}

/* True once in n. */
static inline int random_once_in(struct random *r, uint64_t n)
{
	return random_below(r, n) == 0;
}

#define RANDOM_OF(r, table) ((table)[random_below(r, sizeof(table) / sizeof((table)[0]))])

#endif
