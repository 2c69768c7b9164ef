/* SPDX-License-Identifier: MIT */
/* Text without libc: each returns the new end, where no '\0' is; the room is the caller's. */
#ifndef DUNE_SRC_TEXT_H
#define DUNE_SRC_TEXT_H

#include <stdint.h>

static inline char *text_put(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	return to;
}

static inline char *text_decimal(char *to, uint64_t value)
{
	uint64_t power = 1;

	while (value / power >= 10)
		power *= 10;
	for (; power; power /= 10)
		*to++ = (char)('0' + value / power % 10);
	return to;
}

static inline char *text_hex(char *to, uint64_t value)
{
	int shift;

	to = text_put(to, "0x");
	for (shift = 60; shift > 0 && !(value >> shift); shift -= 4)
		;
	for (; shift >= 0; shift -= 4)
		*to++ = "0123456789abcdef"[value >> shift & 15];
	return to;
}

#endif
