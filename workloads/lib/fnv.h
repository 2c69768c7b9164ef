/* SPDX-License-Identifier: MIT */
/* FNV-1a, 64 bits: a fingerprint for schedules, not a defence. */
#ifndef LIB_FNV_H
#define LIB_FNV_H

#include <stdint.h>

#define FNV64_START 0xcbf29ce484222325ull
#define FNV64_PRIME 0x100000001b3ull

/* Feed the low `bytes` bytes of value, least significant first. */
static inline uint64_t fnv64_feed(uint64_t hash, uint64_t value, int bytes)
{
	while (bytes--) {
		hash = (hash ^ (value & 0xff)) * FNV64_PRIME;
		value >>= 8;
	}
	return hash;
}

#endif
