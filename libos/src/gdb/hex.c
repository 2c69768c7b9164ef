// SPDX-License-Identifier: MIT
/* Numbers as gdb's protocol writes them: bytes, hexadecimal, and gdb's own signals. */
#include <signal.h>

#include "gdb.h"

static const char digits[] = "0123456789abcdef";

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

char *hex_put(char *to, const void *data, size_t size)
{
	const unsigned char *from = data;

	while (size--) {
		*to++ = digits[*from >> 4];
		*to++ = digits[*from++ & 15];
	}
	*to = 0;
	return to;
}

size_t hex_get(void *to, const char *from, size_t size)
{
	unsigned char *bytes = to;
	size_t n;

	for (n = 0; n < size; n++, from += 2) {
		int high = digit(from[0]), low = high < 0 ? -1 : digit(from[1]);

		if (low < 0)
			break;
		bytes[n] = (unsigned char)(high << 4 | low);
	}
	return n;
}

/* -1, as gdb writes it for all threads, too. */
uint64_t number_get(const char **at)
{
	uint64_t value = 0;
	bool negative = **at == '-';

	for (*at += negative; digit(**at) >= 0; ++*at)
		value = value << 4 | (uint64_t)digit(**at);
	return negative ? 0 - value : value;
}

char *number_put(char *to, uint64_t value)
{
	int shift = 60;

	while (shift > 0 && !(value >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*to++ = digits[value >> shift & 15];
	*to = 0;
	return to;
}

/* Where they differ from Linux's: gdb's include/gdb/signals.def. */
static const unsigned char of_gdb[] = {
	[SIGBUS] = 10,	[SIGUSR1] = 30, [SIGUSR2] = 31, [SIGSTKFLT] = 143, [SIGCHLD] = 20,
	[SIGCONT] = 19, [SIGSTOP] = 17, [SIGTSTP] = 18, [SIGURG] = 16,	   [SIGIO] = 23,
	[SIGPWR] = 32,	[SIGSYS] = 12,	[32] = 77,	[64] = 78,
};

int signal_to_gdb(int signal)
{
	if (signal < 0 || signal > 64)
		return 143; /* unknown */
	if (of_gdb[signal])
		return of_gdb[signal];
	return signal > 32 ? signal + 12 : signal;
}

int signal_from_gdb(int signal)
{
	int linux_signal;

	for (linux_signal = 0; linux_signal <= 64; linux_signal++)
		if (signal_to_gdb(linux_signal) == signal)
			return linux_signal;
	return 0;
}
