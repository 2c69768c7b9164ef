// SPDX-License-Identifier: MIT
/* The protocol machine: replies, any cut of the input, hostile and random input. */
#include <stdlib.h>

#include "kv/server/proto.h"
#include "lib/rng.h"
#include "tests/check.h"

static struct service service;
static struct counters counters;
static struct proto_context context = { &service, &counters, 10 };

static void begin(void)
{
	memset(&service, 0, sizeof(service));
	service.store = store_create(8 << 20, false);
	service.counters[0] = &counters;
	service.nr_threads = 1;
	service.start_real = 1700000000;
	context.now = 10;
}

static void end(void)
{
	store_destroy(service.store);
}

/*
 * Show the input in steps of `step` bytes, as a connection would; every
 * piece is its own heap block, so that ASan sees any reading beyond it.
 */
static void feed(struct proto *proto, const char *in, size_t len, size_t step,
		 struct reply *reply)
{
	size_t shown = 0, start = 0;

	while (shown < len && !proto->closing) {
		size_t used;

		shown = shown + step < len ? shown + step : len;
		do {
			size_t have = shown - start;
			struct reply part = { 0 };
			char *copy;

			if (!have || have < proto->need)
				break;
			copy = malloc(have);
			memcpy(copy, in + start, have);
			used = proto_run(proto, &context, copy, have, &part);
			check(used <= have, "used %zu of %zu", used, have);
			free(copy);
			start += used;
			reply_add(reply, part.data, part.len);
			reply_free(&part);
		} while (used && !proto->closing);
	}
}

static void feed_text(struct proto *proto, const char *in, struct reply *reply)
{
	feed(proto, in, strlen(in), 100, reply);
}

static void expect(const char *in, const char *want)
{
	static const size_t steps[] = { 1 << 20, 1, 2, 3, 7, 64 };
	unsigned int i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct proto proto = { 0 };
		struct reply reply = { 0 };

		begin();
		feed(&proto, in, strlen(in), steps[i], &reply);
		check(reply.len == strlen(want) &&
		      (!reply.len || !memcmp(reply.data, want, reply.len)),
		      "step %zu of \"%.60s\": got \"%.*s\", want \"%s\"", steps[i], in,
		      (int)(reply.len < 300 ? reply.len : 300), reply.data ? reply.data : "", want);
		reply_free(&reply);
		end();
	}
}

static void ordinary_requests(void)
{
	expect("set a 5 0 3\r\nabc\r\nget a\r\n", "STORED\r\nVALUE a 5 3\r\nabc\r\nEND\r\n");
	expect("get a\r\n", "END\r\n");
	expect("set a 0 0 1\r\nx\r\nset b 1 0 0\r\n\r\nget a n b a\r\n",
	       "STORED\r\nSTORED\r\nVALUE a 0 1\r\nx\r\nVALUE b 1 0\r\n\r\nVALUE a 0 1\r\nx\r\n"
	       "END\r\n");
	expect("set a 0 0 2\r\n\r\n\r\nget a\r\n", "STORED\r\nVALUE a 0 2\r\n\r\n\r\nEND\r\n");
	expect("add a 0 0 1\r\nx\r\nadd a 0 0 1\r\ny\r\n", "STORED\r\nNOT_STORED\r\n");
	expect("replace a 0 0 1\r\nx\r\n", "NOT_STORED\r\n");
	expect("set a 0 0 1\r\nx\r\nappend a 9 9 1\r\ny\r\nprepend a 9 9 1\r\nw\r\nget a\r\n",
	       "STORED\r\nSTORED\r\nSTORED\r\nVALUE a 0 3\r\nwxy\r\nEND\r\n");
	expect("delete a\r\nset a 0 0 1\r\nx\r\ndelete a\r\n",
	       "NOT_FOUND\r\nSTORED\r\nDELETED\r\n");
	expect("incr a 1\r\nset a 0 0 1\r\n9\r\nincr a 3\r\ndecr a 12\r\ndecr a 1\r\n",
	       "NOT_FOUND\r\nSTORED\r\n12\r\n0\r\n0\r\n");
	expect("touch a 0\r\nset a 0 0 1\r\nx\r\ntouch a 9\r\ngat 9 a\r\n",
	       "NOT_FOUND\r\nSTORED\r\nTOUCHED\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
	expect("set a 0 0 1\r\nx\r\nflush_all\r\nget a\r\n", "STORED\r\nOK\r\nEND\r\n");
	expect("verbosity 1\r\n", "OK\r\n");
	expect("version\r\n", "VERSION " SERVICE_VERSION "\r\n");
	expect("get a\nversion\n", "END\r\nVERSION " SERVICE_VERSION "\r\n");
	expect("get a\r\nquit\r\nget a\r\n", "END\r\n");
}

static void cas_by_its_unique(void)
{
	struct proto proto = { 0 };
	struct reply reply = { 0 };
	unsigned long long unique = 0;
	char line[100];

	begin();
	feed_text(&proto, "set a 0 0 1\r\nx\r\ngets a\r\n", &reply);
	reply_add(&reply, "", 1);
	check(sscanf(reply.data, "STORED VALUE a 0 1 %llu", &unique) == 1, "%s", reply.data);
	reply.len = 0;
	snprintf(line, sizeof(line), "cas a 0 0 1 %llu\r\ny\r\ncas a 0 0 1 %llu\r\nz\r\n"
		 "cas b 0 0 1 1\r\nz\r\n", unique, unique);
	feed_text(&proto, line, &reply);
	check_text(reply.data, reply.len, "STORED\r\nEXISTS\r\nNOT_FOUND\r\n");
	reply_free(&reply);
	end();
}

static void noreply_is_silent(void)
{
	expect("set a 0 0 1 noreply\r\n5\r\nadd a 0 0 1 noreply\r\nx\r\n"
	       "replace a 0 0 1 noreply\r\n6\r\nincr a 1 noreply\r\ndecr a 2 noreply\r\n"
	       "append a 0 0 1 noreply\r\n0\r\nprepend a 0 0 1 noreply\r\n1\r\n"
	       "cas a 0 0 1 0 noreply\r\nx\r\ntouch a 0 noreply\r\nverbosity 1 noreply\r\n"
	       "get a\r\ndelete a noreply\r\nflush_all noreply\r\nget a\r\n",
	       "VALUE a 0 3\r\n150\r\nEND\r\nEND\r\n");
	expect("set a 0 0 -1 noreply\r\nincr a x noreply\r\ntouch a x noreply\r\nversion\r\n",
	       "VERSION " SERVICE_VERSION "\r\n");
	expect("set a 0 0 1 noreply\r\nabcd\r\nversion\r\n",
	       "ERROR\r\nVERSION " SERVICE_VERSION "\r\n");
}

static void expiry_times(void)
{
	expect("set a 0 -1 1\r\nx\r\nget a\r\n", "STORED\r\nEND\r\n");
	expect("set a 0 1600000000 1\r\nx\r\nget a\r\n", "STORED\r\nEND\r\n");
	expect("set a 0 1700000011 1\r\nx\r\nget a\r\n",
	       "STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
	expect("set a 0 2592000 1\r\nx\r\nget a\r\n", "STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
	expect("set a 0 2592001 1\r\nx\r\nget a\r\n", "STORED\r\nEND\r\n");
	expect("set a 0 9223372036854775807 1\r\nx\r\nget a\r\n",
	       "STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
	expect("set a 0 0 1\r\nx\r\nflush_all 100\r\nget a\r\n",
	       "STORED\r\nOK\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
}

#define K250 "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk" \
	     "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk" \
	     "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk" \
	     "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk" \
	     "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define BAD_FORMAT "CLIENT_ERROR bad command line format\r\n"

static void malformed_lines(void)
{
	expect("\r\n", "ERROR\r\n");
	expect("\n", "ERROR\r\n");
	expect("   \r\n", "ERROR\r\n");
	expect("bogus\r\n", "ERROR\r\n");
	expect("GET a\r\n", "ERROR\r\n");
	expect("get\r\n", "ERROR\r\n");
	expect("gat x a\r\n", "CLIENT_ERROR invalid exptime argument\r\n");
	expect("set a 0 0\r\n", "ERROR\r\n");
	expect("set a 0 0 1 noreply x\r\n", "ERROR\r\n");
	expect("set a 0 0 -1\r\n", BAD_FORMAT);
	expect("set a 0 0 x\r\n", BAD_FORMAT);
	expect("set a x 0 1\r\n", BAD_FORMAT);
	expect("set a 0 x 1\r\n", BAD_FORMAT);
	expect("set a -1 0 1\r\n", BAD_FORMAT);
	expect("set a 0 0 99999999999999999999\r\n", BAD_FORMAT);
	expect("set a 0 0 2147483647\r\n", BAD_FORMAT);
	expect("cas a 0 0 1\r\n", "ERROR\r\n");
	expect("cas a 0 0 1 x\r\n", BAD_FORMAT);
	expect("incr a\r\n", "ERROR\r\n");
	expect("incr a x\r\n", "CLIENT_ERROR invalid numeric delta argument\r\n");
	expect("incr a -1\r\n", "CLIENT_ERROR invalid numeric delta argument\r\n");
	expect("incr a 18446744073709551616\r\n",
	       "CLIENT_ERROR invalid numeric delta argument\r\n");
	expect("touch a x\r\n", "CLIENT_ERROR invalid exptime argument\r\n");
	expect("flush_all x\r\n", "CLIENT_ERROR invalid exptime argument\r\n");
	expect("delete a 5\r\n",
	       "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n");
	expect("delete a 0\r\n", "NOT_FOUND\r\n");
	expect("delete a 0 0 0 0\r\n", "ERROR\r\n");
	expect("verbosity\r\n", "ERROR\r\n");
	expect("stats nonsense\r\n", "ERROR\r\n");
}

static void overlong_keys(void)
{
	expect("set " K250 " 0 0 1\r\nx\r\nget " K250 "\r\n",
	       "STORED\r\nVALUE " K250 " 0 1\r\nx\r\nEND\r\n");
	expect("set " K250 "k 0 0 1\r\nversion\r\n",
	       BAD_FORMAT "VERSION " SERVICE_VERSION "\r\n");
	expect("get " K250 "k\r\nversion\r\n", BAD_FORMAT "VERSION " SERVICE_VERSION "\r\n");
	expect("incr " K250 "k 1\r\n", BAD_FORMAT);
	expect("delete " K250 "k\r\n", BAD_FORMAT);
	expect("touch " K250 "k 1\r\n", BAD_FORMAT);
	/* What was found before it is taken back. */
	expect("set a 0 0 1\r\nx\r\nget a " K250 "k a\r\n", "STORED\r\n" BAD_FORMAT);
}

static void bad_data_blocks(void)
{
	expect("set a 0 0 2\r\nabcd\r\nget a\r\n",
	       "CLIENT_ERROR bad data chunk\r\nERROR\r\nEND\r\n");
	expect("set a 0 0 4\r\nab\r\nversion\r\nget a\r\n",
	       "CLIENT_ERROR bad data chunk\r\nERROR\r\nEND\r\n");
	expect("set a 0 0 2\r\nab\nget a\r\n", "CLIENT_ERROR bad data chunk\r\nERROR\r\n");
}

static void too_large_values_are_swallowed(void)
{
	static const char head[] = "set a 0 0 1\r\nx\r\nset a 0 0 2000000\r\n";
	static const char tail[] = "\r\nget a\r\nset b 0 0 1 noreply\r\ny\r\nget b\r\n";
	size_t len = sizeof(head) - 1 + 2000000 + sizeof(tail) - 1, step;
	char *in = malloc(len);

	memcpy(in, head, sizeof(head) - 1);
	memset(in + sizeof(head) - 1, '\n', 2000000);
	memcpy(in + len - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
	for (step = 1000; step < 10000000; step *= 60) {
		struct proto proto = { 0 };
		struct reply reply = { 0 };

		begin();
		feed(&proto, in, len, step, &reply);
		/* The old value is gone too: it would be stale. */
		check_text(reply.data, reply.len,
			   "STORED\r\nSERVER_ERROR object too large for cache\r\nEND\r\n"
			   "VALUE b 0 1\r\ny\r\nEND\r\n");
		reply_free(&reply);
		end();
	}
	free(in);
}

static void endless_lines_close_the_connection(void)
{
	char *in = malloc(100000);
	size_t step;

	memset(in, 'x', 100000);
	for (step = 1; step < 200000; step = step * 13 + 1) {
		struct proto proto = { 0 };
		struct reply reply = { 0 };

		begin();
		feed(&proto, in, 100000, step, &reply);
		check(proto.closing && !reply.len, "step %zu", step);
		reply_free(&reply);
		end();
	}
	free(in);
}

/* A get line far longer than any buffer is answered key by key. */
static void huge_multi_get(void)
{
	enum { KEYS = 50000 };
	size_t len = 0, step, key;
	char *in = malloc(KEYS * 5 + 100);

	len += (size_t)sprintf(in, "set key%d 0 0 2\r\nab\r\nget", 7);
	for (key = 0; key < KEYS; key++)
		len += (size_t)sprintf(in + len, " key%zu", key % 10);
	len += (size_t)sprintf(in + len, "\r\nversion\r\n");
	for (step = 501; step < 2000000; step *= 30) {
		struct proto proto = { 0 };
		struct reply reply = { 0 };
		size_t hits = 0;
		char *p;

		begin();
		feed(&proto, in, len, step, &reply);
		reply_add(&reply, "", 1);
		for (p = reply.data; (p = strstr(p, "VALUE key7 0 2\r\nab\r\n")); p++)
			hits++;
		check(hits == KEYS / 10, "step %zu: %zu hits", step, hits);
		check(strstr(reply.data, "END\r\nVERSION " SERVICE_VERSION "\r\n"), "step %zu",
		      step);
		reply_free(&reply);
		end();
	}
	free(in);
}

static void replies_are_bounded(void)
{
	static char in[2000];
	struct proto proto = { 0 };
	struct reply reply = { 0 };
	static char value[500000];
	struct store_key key = store_key("big", 3);
	struct store_value stored = { .data = value, .len = sizeof(value) };
	size_t used, rounds = 0, total = 0, len;

	begin();
	memset(value, 'v', sizeof(value));
	store_put(service.store, 10, STORE_SET, &key, &stored);
	len = (size_t)sprintf(in, "get");
	while (len < 1800)
		len += (size_t)sprintf(in + len, " big");
	len += (size_t)sprintf(in + len, "\r\n");
	for (used = 0; used < len;) {
		used += proto_run(&proto, &context, in + used, len - used, &reply);
		check(reply.len < PROTO_REPLY_HIGH + sizeof(value) + 100, "%zu", reply.len);
		total += reply.len;
		reply.len = 0;
		rounds++;
	}
	check(rounds > 400 && total > 400 * sizeof(value), "%zu rounds", rounds);
	reply_free(&reply);
	end();
}

static void refused_value_is_thrown_away(void)
{
	struct proto proto = { 0 };
	struct reply reply = { 0 };
	static const char head[] = "set a 0 0 1000\r\n0123456789";
	static char rest[1100];

	begin();
	feed(&proto, head, sizeof(head) - 1, 1000, &reply);
	check(proto.need == 16 + 1002 && !reply.len, "waits for %zu", proto.need);
	proto_refuse(&proto, &context, sizeof(head) - 1, &reply);
	check_text(reply.data, reply.len, "SERVER_ERROR out of memory storing object\r\n");
	reply.len = 0;
	memset(rest, 'x', 992);
	memcpy(rest + 992, "get a\r\n", 7);
	feed(&proto, rest, 999, 10, &reply);
	check_text(reply.data, reply.len, "END\r\n");
	reply_free(&reply);
	end();
}

static void stats_name_the_usual(void)
{
	struct proto proto = { 0 };
	struct reply reply = { 0 };

	begin();
	feed_text(&proto, "set a 0 0 1\r\nx\r\nget a\r\nget b\r\nstats\r\n", &reply);
	reply_add(&reply, "", 1);
	check(strstr(reply.data, "STAT curr_items 1\r\n"), "%s", reply.data);
	check(strstr(reply.data, "STAT limit_maxbytes 8388608\r\n"), "%s", reply.data);
	check(strstr(reply.data, "STAT evictions 0\r\n"), "%s", reply.data);
	check(strstr(reply.data, "\r\nEND\r\n"), "%s", reply.data);
	reply.len = 0;
	feed_text(&proto, "stats reset\r\nstats settings\r\n", &reply);
	check(!strncmp(reply.data, "RESET\r\nSTAT maxbytes ", 21), "%.30s", reply.data);
	reply_free(&reply);
	end();
}

/* Random lines made of the words that matter, random bytes, random cuts. */
static size_t nonsense(struct rng *rng, char *to, size_t most)
{
	static const char *const words[] = {
		"get", "gets", "gat", "gats", "set", "add", "replace", "append", "prepend", "cas",
		"delete", "incr", "decr", "touch", "flush_all", "stats", "version", "verbosity",
		"noreply", "a", "b", "key", "0", "1", "-1", "2", "10", "4294967296", "999999999999",
		"18446744073709551615", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\nxx\r\n", " ", "",
		"reset", "settings", K250, K250 "k", "1048576", "1000000",
	};
	size_t len = 0;

	while (len + 300 < most) {
		if (rng_below(rng, 10) == 0) {
			to[len++] = (char)rng_next(rng);
		} else {
			const char *word = words[rng_below(rng, sizeof(words) / sizeof(words[0]))];

			memcpy(to + len, word, strlen(word));
			len += strlen(word);
			if (rng_below(rng, 8))
				to[len++] = ' ';
		}
		if (rng_below(rng, 200) == 0)
			break;
	}
	return len;
}

static void random_input_does_no_harm(void)
{
	static char in[6000];
	struct rng rng;
	int i;

	rng_init(&rng, 2026, 0);
	begin();
	for (i = 0; i < 30000; i++) {
		struct proto proto = { 0 };
		struct reply reply = { 0 };
		size_t len = nonsense(&rng, in, sizeof(in));

		context.now = 10 + (uint32_t)i / 100;
		feed(&proto, in, len, 1 + rng_below(&rng, 300), &reply);
		check(!reply.failed, "round %d", i);
		reply_free(&reply);
	}
	/* And the store still works. */
	context.now = 10000;
	{
		struct proto proto = { 0 };
		struct reply reply = { 0 };

		feed_text(&proto, "set z 0 0 1\r\nx\r\nget z\r\n", &reply);
		check_text(reply.data, reply.len, "STORED\r\nVALUE z 0 1\r\nx\r\nEND\r\n");
		reply_free(&reply);
	}
	end();
}

/* However the same bytes are cut, the answer is the same. */
static void cuts_do_not_matter(void)
{
	static char in[3000];
	struct rng rng;
	int i;

	rng_init(&rng, 2027, 0);
	for (i = 0; i < 3000; i++) {
		size_t len = nonsense(&rng, in, sizeof(in)), line = 0, j;
		struct reply whole = { 0 }, cut = { 0 };
		struct proto a = { 0 }, b = { 0 };

		/* Statistics count bytes, and long lines may close: leave both out. */
		for (j = 0; j < len; j++) {
			line = in[j] == '\n' ? 0 : line + 1;
			if (line > 1500)
				in[j] = '\n';
			if (!memcmp(in + j, "stats", 5))
				in[j] = 'x';
		}
		begin();
		feed(&a, in, len, 100000, &whole);
		end();
		begin();
		feed(&b, in, len, 1 + rng_below(&rng, 40), &cut);
		end();
		check(whole.len == cut.len && (!cut.len || !memcmp(whole.data, cut.data, cut.len)),
		      "round %d: %zu and %zu bytes", i, whole.len, cut.len);
		reply_free(&whole);
		reply_free(&cut);
	}
}

static const struct test_case cases[] = {
	{ "proto: ordinary requests, however they are cut", ordinary_requests },
	{ "proto: cas by its unique", cas_by_its_unique },
	{ "proto: noreply is silent", noreply_is_silent },
	{ "proto: expiry times", expiry_times },
	{ "proto: malformed lines", malformed_lines },
	{ "proto: overlong keys", overlong_keys },
	{ "proto: bad data blocks", bad_data_blocks },
	{ "proto: too large values are swallowed", too_large_values_are_swallowed },
	{ "proto: endless lines close the connection", endless_lines_close_the_connection },
	{ "proto: huge multi-get", huge_multi_get },
	{ "proto: replies are bounded", replies_are_bounded },
	{ "proto: a refused value is thrown away", refused_value_is_thrown_away },
	{ "proto: stats name the usual", stats_name_the_usual },
	{ "proto: random input does no harm", random_input_does_no_harm },
	{ "proto: cuts do not matter", cuts_do_not_matter },
};
TEST_MAIN(cases)
