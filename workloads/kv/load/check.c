// SPDX-License-Identifier: MIT
/* Comparing replies with what the record must hold. */
#include "kv/load/check.h"

#include <string.h>

/* Advance over expected bytes, as far as they have come. */
static bool expect(const char **in, const char *end, const char *text, size_t size)
{
	size_t have = (size_t)(end - *in);

	if (memcmp(*in, text, have < size ? have : size))
		return false;
	*in += have < size ? have : size;
	return true;
}

static size_t format(char *to, uint32_t value)
{
	char digits[10];
	size_t n = 0, i;

	do {
		digits[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	for (i = 0; i < n; i++)
		to[i] = digits[n - 1 - i];
	return n;
}

static enum verdict check_value(const struct plan *plan, uint64_t i, const char *in, size_t len,
				size_t *used)
{
	const struct schedule_request *r = &plan->schedule.request[i];
	const char *p = in, *end = in + len;
	char number[16];
	size_t size;

	size = 3 + format(number + 3, r->value_len);
	memcpy(number, " 0 ", 3);
	memcpy(number + size, "\r\n", 2);
	if (!expect(&p, end, "VALUE ", 6) || !expect(&p, end, plan_key(plan, i), r->key_len) ||
	    !expect(&p, end, number, size + 2) ||
	    !expect(&p, end, plan->text + schedule_value_start(r->record), r->value_len) ||
	    !expect(&p, end, "\r\nEND\r\n", 7))
		return CHECK_WRONG;
	*used = 6 + (size_t)r->key_len + size + 2 + r->value_len + 7;
	return len < *used ? CHECK_MORE : CHECK_HIT;
}

enum verdict check_reply(const struct plan *plan, uint64_t i, const char *in, size_t len,
			 size_t *used)
{
	const char *p = in;

	if (!len)
		return CHECK_MORE;
	if (plan->schedule.request[i].op == OP_SET) {
		*used = 8;
		if (!expect(&p, in + len, "STORED\r\n", 8))
			return CHECK_WRONG;
		return len < 8 ? CHECK_MORE : CHECK_STORED;
	}
	if (in[0] == 'V')
		return check_value(plan, i, in, len, used);
	*used = 5;
	if (!expect(&p, in + len, "END\r\n", 5))
		return CHECK_WRONG;
	return len < 5 ? CHECK_MORE : CHECK_MISS;
}
