/* SPDX-License-Identifier: MIT */
/* Decimal numbers in protocol text: strict parsing and fast formatting. */
#ifndef SERVER_NUMBER_H
#define SERVER_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBER_DIGITS_MAX 20

/* Digits only, at least one, no more than fit into 64 bits. */
static inline bool number_parse(const char *text, size_t len, uint64_t *value)
{
	uint64_t v = 0;
	size_t i;

	if (!len)
		return false;
	for (i = 0; i < len; i++) {
		unsigned int digit = (unsigned char)text[i] - '0';

		if (digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, digit, &v))
			return false;
	}
	*value = v;
	return true;
}

/* The same with an optional sign, within the range of int64_t. */
static inline bool number_parse_signed(const char *text, size_t len, int64_t *value)
{
	bool negative = len && text[0] == '-';
	uint64_t v;

	if (len && (text[0] == '-' || text[0] == '+')) {
		text++;
		len--;
	}
	if (!number_parse(text, len, &v) || v > INT64_MAX)
		return false;
	*value = negative ? -(int64_t)v : (int64_t)v;
	return true;
}

/* Writes at most NUMBER_DIGITS_MAX characters, no terminator; returns how many. */
static inline size_t number_format(char *to, uint64_t value)
{
	char digits[NUMBER_DIGITS_MAX];
	size_t n = 0, i;

	do {
		digits[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	for (i = 0; i < n; i++)
		to[i] = digits[n - 1 - i];
	return n;
}

#endif
