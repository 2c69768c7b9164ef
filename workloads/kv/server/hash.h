/* SPDX-License-Identifier: MIT */
/*
 * Hash of a key: eight bytes at a time, each folded by a 64x64->128 multiply.
 *
 * The seed is fixed, so that runs repeat exactly; this is a testbed and does
 * not defend against chosen keys.
 */
#ifndef SERVER_HASH_H
#define SERVER_HASH_H

#include <stdint.h>
#include <string.h>

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t hash_key(const char *key, unsigned int len)
{
	uint64_t h = 0x2d358dccaa6c78a5ull ^ len, word;

	while (len > 8) {
		memcpy(&word, key, 8);
		h = hash_fold(h ^ word, 0x8bb84b93962eacc9ull);
		key += 8;
		len -= 8;
	}
	word = 0;
	memcpy(&word, key, len);
	return hash_fold(h ^ word, 0x4b33a62ed433d4a3ull);
}

#endif
