// SPDX-License-Identifier: MIT
/* Formatting all requests beforehand. */
#include "kv/load/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kv/load/fail.h"

/* What one datagram over IPv4 carries. */
#define UDP_REQUEST_MAX 65507u

static size_t digits_of(uint32_t value)
{
	size_t n = 1;

	while (value >= 10) {
		value /= 10;
		n++;
	}
	return n;
}

static char *put_set(char *to, unsigned int key_len, uint32_t value_len, uint32_t record,
		     const char *text, bool noreply)
{
	memcpy(to, "set ", 4);
	schedule_key(to + 4, key_len, record);
	to += 4 + key_len;
	to += sprintf(to, " 0 0 %u%s\r\n", value_len, noreply ? " noreply" : "");
	memcpy(to, text + schedule_value_start(record), value_len);
	to += value_len;
	memcpy(to, "\r\n", 2);
	return to + 2;
}

size_t plan_format_set(char *to, const struct schedule_spec *spec, uint32_t record,
		       const char *text, bool noreply)
{
	return (size_t)(put_set(to, schedule_key_len(spec, record),
				schedule_value_len(spec, record), record, text, noreply) - to);
}

static size_t request_size(const struct schedule_request *r)
{
	if (r->op == OP_GET)
		return 4 + (size_t)r->key_len + 2;
	return 4 + (size_t)r->key_len + 5 + digits_of(r->value_len) + 2 + r->value_len + 2;
}

static size_t reply_size(const struct schedule_request *r)
{
	return 6 + (size_t)r->key_len + 3 + digits_of(r->value_len) + 2 + r->value_len + 2 + 5;
}

static void put_udp_header(char *to, uint64_t id)
{
	memset(to, 0, PLAN_UDP_HEADER);
	to[0] = (char)(id >> 8);
	to[1] = (char)id;
	to[5] = 1;
}

/* Offsets of all requests; the value text must reach as far as the longest value. */
static void measure(struct plan *plan, uint32_t *value_max)
{
	uint64_t i, at = 0;

	*value_max = 0;
	plan->reply_max = 0;
	for (i = 0; i < plan->count; i++) {
		const struct schedule_request *r = &plan->schedule.request[i];
		size_t size = request_size(r) + plan->header;

		if (plan->header && size > UDP_REQUEST_MAX)
			fail(FAIL_USAGE, "a value of %u bytes does not fit a datagram: use "
			     "--transport tcp, --law usr or fewer --records", r->value_len);
		plan->start[i] = at;
		at += size;
		if (r->value_len > *value_max)
			*value_max = r->value_len;
		if (reply_size(r) > plan->reply_max)
			plan->reply_max = reply_size(r);
	}
	plan->start[plan->count] = at;
}

void plan_make(struct plan *plan, const struct schedule_spec *spec, bool udp,
	       unsigned int connections)
{
	uint32_t value_max;
	uint64_t i;

	memset(plan, 0, sizeof(*plan));
	plan->count = spec->count;
	plan->start = calloc(spec->count + 1, sizeof(*plan->start));
	if (!plan->start || schedule_make(&plan->schedule, spec))
		goto no_memory;
	plan->header = udp ? PLAN_UDP_HEADER : 0;
	measure(plan, &value_max);
	plan->text = malloc(value_max + SCHEDULE_TEXT_PERIOD);
	/* sprintf() in put_set() ends its text with one byte too many. */
	plan->wire = malloc(plan->start[plan->count] + 1);
	if (!plan->text || !plan->wire)
		goto no_memory;
	schedule_text(plan->text, value_max + SCHEDULE_TEXT_PERIOD);
	for (i = 0; i < plan->count; i++) {
		const struct schedule_request *r = &plan->schedule.request[i];
		char *to = plan->wire + plan->start[i];

		if (udp)
			put_udp_header(to, i / connections);
		to += plan->header;
		if (r->op == OP_SET) {
			put_set(to, r->key_len, r->value_len, r->record, plan->text, false);
			continue;
		}
		memcpy(to, "get ", 4);
		schedule_key(to + 4, r->key_len, r->record);
		memcpy(to + 4 + r->key_len, "\r\n", 2);
	}
	return;
no_memory:
	fail(FAIL_MEASUREMENT, "out of memory for %llu requests: lower --requests",
	     (unsigned long long)spec->count);
}

void plan_expect(struct plan *plan)
{
	uint64_t i, at = 0;

	plan->hit_start = calloc(plan->count + 1, sizeof(*plan->hit_start));
	for (i = 0; plan->hit_start && i < plan->count; i++) {
		const struct schedule_request *r = &plan->schedule.request[i];

		plan->hit_start[i] = at;
		at += r->op == OP_SET ? 8 : reply_size(r);
	}
	/* sprintf() ends a text with one byte too many. */
	plan->hit = malloc(at + 1);
	if (!plan->hit_start || !plan->hit)
		fail(FAIL_MEASUREMENT, "out of memory for %llu requests: lower --requests",
		     (unsigned long long)plan->count);
	plan->hit_start[plan->count] = at;
	for (i = 0; i < plan->count; i++) {
		const struct schedule_request *r = &plan->schedule.request[i];
		char *to = plan->hit + plan->hit_start[i];

		if (r->op == OP_SET) {
			memcpy(to, "STORED\r\n", 8);
			continue;
		}
		to += sprintf(to, "VALUE %.*s 0 %u\r\n", r->key_len, plan_key(plan, i),
			      r->value_len);
		memcpy(to, plan->text + schedule_value_start(r->record), r->value_len);
		memcpy(to + r->value_len, "\r\nEND\r\n", 7);
	}
}

void plan_free(struct plan *plan)
{
	free(plan->hit);
	free(plan->hit_start);
	schedule_free(&plan->schedule);
	free(plan->start);
	free(plan->text);
	free(plan->wire);
}
