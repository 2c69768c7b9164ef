/* SPDX-License-Identifier: MIT */
/*
 * A growing buffer for reply text.
 *
 * Running out of memory is remembered instead of reported at every append:
 * the owner looks at `failed` once and closes the connection.
 */
#ifndef SERVER_REPLY_H
#define SERVER_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct reply {
	char *data;
	size_t len, capacity;
	bool failed;
};

/* Give back memory above the ordinary size; forget the contents. */
void reply_reset(struct reply *reply);
void reply_free(struct reply *reply);

/* Room for `size` more bytes at the end, or NULL; the caller adds to len. */
char *reply_grow(struct reply *reply, size_t size);

static inline char *reply_room(struct reply *reply, size_t size)
{
	if (__builtin_expect(reply->capacity - reply->len >= size, 1))
		return reply->data + reply->len;
	return reply_grow(reply, size);
}

static inline void reply_add(struct reply *reply, const char *text, size_t size)
{
	char *to = reply_room(reply, size);

	if (to && size) {
		memcpy(to, text, size);
		reply->len += size;
	}
}

#define reply_line(reply, literal) reply_add(reply, literal "\r\n", sizeof(literal "\r\n") - 1)

void reply_printf(struct reply *reply, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
