// SPDX-License-Identifier: MIT
/* Packets of gdb's remote protocol: $data#checksum, acknowledged by + or -. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "gdb.h"

#define INTERRUPT 3
#define ESCAPE '}'

static struct {
	char bytes[2 * PACKET_MAX + 8];
	size_t n;
	bool no_acks;
} in;

void packet_reset(void)
{
	in.n = 0;
	in.no_acks = false;
}

void packet_no_acks(void)
{
	in.no_acks = true;
}

static bool receive(void)
{
	ssize_t n = recv(session.client, in.bytes + in.n, sizeof(in.bytes) - in.n, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	in.n += (size_t)n;
	return n > 0;
}

static void put(const char *data, size_t length)
{
	while (length) {
		ssize_t n = send(session.client, data, length, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* the next read says so */
		data += n;
		length -= (size_t)n;
	}
}

static void drop(size_t n)
{
	__builtin_memmove(in.bytes, in.bytes + n, in.n - n);
	in.n -= n;
}

static unsigned char sum_of(const char *data, size_t length)
{
	unsigned char sum = 0;

	while (length--)
		sum = (unsigned char)(sum + (unsigned char)*data++);
	return sum;
}

/* The packet that begins the buffer and has length bytes between $ and #. */
static int take(char *packet, size_t length)
{
	unsigned char sum;
	size_t i;
	int n = 0;

	if (!in.no_acks && (hex_get(&sum, in.bytes + length + 2, 1) != 1 ||
			    sum != sum_of(in.bytes + 1, length))) {
		put("-", 1);
		drop(length + 4);
		return PACKET_NONE;
	}
	if (!in.no_acks)
		put("+", 1);
	for (i = 1; i <= length && n < PACKET_MAX - 1; i++)
		packet[n++] = in.bytes[i] == ESCAPE ? in.bytes[++i] ^ 0x20 : in.bytes[i];
	packet[n] = 0;
	drop(length + 4);
	return n;
}

int packet_next(char *packet)
{
	bool open = receive();
	size_t length;
	int n;

	while (in.n) {
		if (in.bytes[0] == INTERRUPT) {
			drop(1);
			return PACKET_INTERRUPT;
		}
		if (in.bytes[0] != '$') {
			drop(1); /* an acknowledgement, on a connection that loses nothing */
			continue;
		}
		for (length = 0; length + 4 <= in.n && in.bytes[length + 1] != '#'; length++)
			;
		if (length + 4 > in.n) {
			if (in.n == sizeof(in.bytes))
				return PACKET_CLOSED; /* no packet is so long */
			break;
		}
		n = take(packet, length);
		if (n)
			return n;
	}
	return open ? PACKET_NONE : PACKET_CLOSED;
}

void packet_send(const char *data, size_t length)
{
	static char out[2 * PACKET_MAX + 8];
	unsigned char sum;
	size_t n = 1, i;

	out[0] = '$';
	for (i = 0; i < length && n < sizeof(out) - 6; i++) {
		if (data[i] == '$' || data[i] == '#' || data[i] == ESCAPE || data[i] == '*') {
			out[n++] = ESCAPE;
			out[n++] = data[i] ^ 0x20;
		} else {
			out[n++] = data[i];
		}
	}
	sum = sum_of(out + 1, n - 1);
	out[n++] = '#';
	hex_put(out + n, &sum, 1);
	put(out, n + 2);
}

void packet_text(const char *text)
{
	packet_send(text, __builtin_strlen(text));
}
