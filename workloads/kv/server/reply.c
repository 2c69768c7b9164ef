// SPDX-License-Identifier: MIT
/* Growing and formatting reply text. */
#include "kv/server/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ORDINARY_SIZE (64u << 10)

void reply_free(struct reply *reply)
{
	free(reply->data);
	memset(reply, 0, sizeof(*reply));
}

void reply_reset(struct reply *reply)
{
	/* A rare large reply must not pin its memory for ever. */
	if (reply->capacity > 16 * ORDINARY_SIZE)
		reply_free(reply);
	reply->len = 0;
	reply->failed = false;
}

char *reply_grow(struct reply *reply, size_t size)
{
	size_t capacity = reply->capacity ? reply->capacity : ORDINARY_SIZE;
	char *data;

	while (capacity - reply->len < size)
		capacity *= 2;
	data = realloc(reply->data, capacity);
	if (!data) {
		reply->failed = true;
		return NULL;
	}
	reply->data = data;
	reply->capacity = capacity;
	return data + reply->len;
}

void reply_printf(struct reply *reply, const char *format, ...)
{
	char line[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n > 0)
		reply_add(reply, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}
