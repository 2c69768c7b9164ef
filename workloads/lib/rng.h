/* SPDX-License-Identifier: MIT */
/*
 * Seeded, splittable random numbers: the same seed gives the same sequence
 * on every machine.
 *
 * The generator is xoshiro256++ (Blackman and Vigna), its state filled by
 * splitmix64. A stream is a second seed: two streams of one seed are
 * independent for our purposes, so adding a draw to one law never shifts
 * the numbers of another.
 */
#ifndef LIB_RNG_H
#define LIB_RNG_H

#include <stdint.h>

struct rng {
	uint64_t s[4];
};

/* One splitmix64 step; also a good 64-bit mixer for counters. */
static inline uint64_t rng_splitmix64(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static inline void rng_init(struct rng *rng, uint64_t seed, uint64_t stream)
{
	uint64_t a = seed, b = stream ^ 0x5851f42d4c957f2dull;
	int i;

	a = rng_splitmix64(&a) ^ rng_splitmix64(&b);
	for (i = 0; i < 4; i++)
		rng->s[i] = rng_splitmix64(&a);
}

static inline uint64_t rng_rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

static inline uint64_t rng_next(struct rng *rng)
{
	uint64_t *s = rng->s;
	uint64_t result = rng_rotl(s[0] + s[3], 23) + s[0];
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rng_rotl(s[3], 45);
	return result;
}

/* Uniform in (0, 1]: never 0, so that its logarithm is finite. */
static inline double rng_unit_of(uint64_t bits)
{
	return (double)((bits >> 11) + 1) * 0x1p-53;
}

static inline double rng_unit(struct rng *rng)
{
	return rng_unit_of(rng_next(rng));
}

/* Uniform in [0, n), n > 0, without modulo bias (Lemire's rejection). */
static inline uint64_t rng_below(struct rng *rng, uint64_t n)
{
	unsigned __int128 m = (unsigned __int128)rng_next(rng) * n;

	if ((uint64_t)m < n) {
		uint64_t threshold = -n % n;

		while ((uint64_t)m < threshold)
			m = (unsigned __int128)rng_next(rng) * n;
	}
	return (uint64_t)(m >> 64);
}

#endif
