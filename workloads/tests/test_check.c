// SPDX-License-Identifier: MIT
/* The generator's judgement of replies: every prefix, every wrong byte. */
#include <stdlib.h>

#include "kv/load/check.h"
#include "tests/check.h"

static struct plan plan;

static void begin(enum schedule_law law, bool udp)
{
	struct schedule_spec spec = { .seed = 4, .law = law, .rate = 1000, .count = 300,
				      .records = 50 };

	plan_make(&plan, &spec, udp, 4);
}

/* The right reply to request i, by another way than the checker's. */
static size_t right(uint64_t i, char *to)
{
	const struct schedule_request *r = &plan.schedule.request[i];
	char key[SCHEDULE_KEY_MAX + 1];
	size_t len;

	if (r->op == OP_SET)
		return (size_t)sprintf(to, "STORED\r\n");
	schedule_key(key, r->key_len, r->record);
	len = (size_t)sprintf(to, "VALUE %.*s 0 %u\r\n", r->key_len, key, r->value_len);
	memcpy(to + len, plan.text + schedule_value_start(r->record), r->value_len);
	len += r->value_len;
	memcpy(to + len, "\r\nEND\r\n", 7);
	return len + 7;
}

/* In a block of its own, so that ASan sees any reading beyond what has come. */
static enum verdict judge(uint64_t i, const char *in, size_t len, size_t *used)
{
	char *copy = malloc(len ? len : 1);
	enum verdict verdict;

	memcpy(copy, in, len);
	verdict = check_reply(&plan, i, copy, len, used);
	free(copy);
	return verdict;
}

static void right_replies_and_all_their_prefixes(void)
{
	static char reply[1100000];
	size_t len, part, used;
	uint64_t i;
	int law;

	for (law = 0; law < LAW_COUNT; law++) {
		begin((enum schedule_law)law, law == LAW_ETC);
		for (i = 0; i < plan.count; i++) {
			bool set = plan.schedule.request[i].op == OP_SET;

			len = right(i, reply);
			check(len <= plan.reply_max || set, "%zu", len);
			for (part = 0; part < len; part += 1 + part / 100)
				check(judge(i, reply, part, &used) == CHECK_MORE, "%zu", part);
			check(judge(i, reply, len, &used) == (set ? CHECK_STORED : CHECK_HIT) &&
			      used == len, "request %d", (int)i);
			reply[len] = 'V';
			check(judge(i, reply, len + 1, &used) == (set ? CHECK_STORED : CHECK_HIT) &&
			      used == len, "with more behind");
		}
		plan_free(&plan);
	}
}

static void any_wrong_byte_is_seen(void)
{
	static char reply[1100000];
	size_t len, at, used;
	uint64_t i;

	begin(LAW_ETC, false);
	for (i = 0; i < 60; i++) {
		len = right(i, reply);
		for (at = 0; at < len; at += 1 + at / 50) {
			reply[at] ^= 1;
			check(judge(i, reply, len, &used) == CHECK_WRONG, "byte %zu of %d", at,
			      (int)i);
			check(judge(i, reply, at + 1, &used) == CHECK_WRONG, "as soon as it comes");
			reply[at] ^= 1;
		}
	}
	plan_free(&plan);
}

static void misses_and_errors(void)
{
	static const char *const errors[] = { "ERROR\r\n", "SERVER_ERROR x\r\n", "EXISTS\r\n",
					      "\r\n", "ENDE\r\n", "VERSION 1\r\n" };
	uint64_t get = 0, set = 0, i;
	unsigned int j;
	size_t used;

	begin(LAW_ETC, false);
	for (i = 0; i < plan.count; i++)
		*(plan.schedule.request[i].op == OP_SET ? &set : &get) = i;
	check(judge(get, "END\r\nmore", 9, &used) == CHECK_MISS && used == 5, "miss");
	check(judge(set, "END\r\n", 5, &used) == CHECK_WRONG, "a set cannot miss");
	check(judge(get, "STORED\r\n", 8, &used) == CHECK_WRONG, "a get stores nothing");
	for (j = 0; j < sizeof(errors) / sizeof(errors[0]); j++) {
		check(judge(get, errors[j], strlen(errors[j]), &used) == CHECK_WRONG, "%s",
		      errors[j]);
		check(judge(set, errors[j], strlen(errors[j]), &used) == CHECK_WRONG, "%s",
		      errors[j]);
	}
	plan_free(&plan);
}

static void requests_are_what_the_schedule_says(void)
{
	char want[400];
	uint64_t i;

	begin(LAW_USR, true);
	for (i = 0; i < plan.count; i++) {
		const struct schedule_request *r = &plan.schedule.request[i];
		const char *text;
		size_t len, n;

		text = plan_request(&plan, i, &len);
		check((unsigned char)text[1] == i / 4 % 256 && text[4] == 0 && text[5] == 1,
		      "header of %d", (int)i);
		if (r->op == OP_SET)
			n = (size_t)sprintf(want, "set %019u 0 0 2\r\n%.2s\r\n", r->record,
					    plan.text + r->record % SCHEDULE_TEXT_PERIOD);
		else
			n = (size_t)sprintf(want, "get %019u\r\n", r->record);
		check(n == len - 8 && !memcmp(want, text + 8, n), "request %d", (int)i);
	}
	plan_free(&plan);
}

static const struct test_case cases[] = {
	{ "check: right replies and all their prefixes", right_replies_and_all_their_prefixes },
	{ "check: any wrong byte is seen, as soon as it comes", any_wrong_byte_is_seen },
	{ "check: misses and errors", misses_and_errors },
	{ "plan: requests are what the schedule says", requests_are_what_the_schedule_says },
};
TEST_MAIN(cases)
