// SPDX-License-Identifier: MIT
/* The commands of one line: delete, incr, decr, touch, flush_all and the like. */
#include "kv/server/command.h"

#include "kv/server/item.h"
#include "kv/server/number.h"

/* One command being answered. */
struct call {
	struct proto *proto;
	const struct proto_context *context;
	const struct token *token;
	int n;
	bool noreply;
	struct reply *reply;
};

/* An answer that noreply suppresses; `literal` without its line end. */
#define answer(call, literal)                                                  \
	do {                                                                   \
		if (!(call)->noreply)                                          \
			reply_line((call)->reply, literal);                    \
	} while (0)

#define refuse(call, literal)                                                  \
	do {                                                                   \
		count((call)->context->counters, protocol_errors);             \
		answer(call, literal);                                         \
	} while (0)

static bool key_of(const struct call *call, struct store_key *key)
{
	if (call->token[1].len > ITEM_KEY_MAX) {
		refuse(call, ERROR_FORMAT);
		return false;
	}
	*key = store_key(call->token[1].text, call->token[1].len);
	return true;
}

static void do_delete(const struct call *call)
{
	const struct token *token = call->token;
	struct store_key key;

	if (call->n > 2) {
		bool zero = token_is(token[2], "0");

		if (!(call->n == 3 && (zero || call->noreply)) &&
		    !(call->n == 4 && zero && call->noreply)) {
			refuse(call, ERROR_FORMAT ".  Usage: delete <key> [noreply]");
			return;
		}
	}
	if (!key_of(call, &key))
		return;
	if (store_delete(call->context->service->store, call->context->now, &key) == STORE_OK) {
		count(call->context->counters, delete_hits);
		answer(call, "DELETED");
	} else {
		count(call->context->counters, delete_misses);
		answer(call, "NOT_FOUND");
	}
}

static void count_arith(struct counters *counters, bool subtract, bool hit)
{
	if (subtract && hit)
		count(counters, decr_hits);
	else if (subtract)
		count(counters, decr_misses);
	else if (hit)
		count(counters, incr_hits);
	else
		count(counters, incr_misses);
}

static void arith(const struct call *call, bool subtract)
{
	char text[NUMBER_DIGITS_MAX];
	uint64_t delta, number;
	struct store_key key;
	enum store_result result;

	if (!key_of(call, &key))
		return;
	if (!number_parse(call->token[2].text, call->token[2].len, &delta)) {
		refuse(call, "CLIENT_ERROR invalid numeric delta argument");
		return;
	}
	result = store_arith(call->context->service->store, call->context->now, &key, subtract,
			     delta, &number);
	if (result == STORE_OK || result == STORE_NOT_FOUND)
		count_arith(call->context->counters, subtract, result == STORE_OK);
	if (result == STORE_NOT_FOUND) {
		answer(call, "NOT_FOUND");
	} else if (result == STORE_NOT_NUMBER) {
		refuse(call, "CLIENT_ERROR cannot increment or decrement non-numeric value");
	} else if (result != STORE_OK) {
		refuse(call, "SERVER_ERROR out of memory in incr");
	} else if (!call->noreply) {
		reply_add(call->reply, text, number_format(text, number));
		reply_add(call->reply, "\r\n", 2);
	}
}

static void do_incr(const struct call *call)
{
	arith(call, false);
}

static void do_decr(const struct call *call)
{
	arith(call, true);
}

static void do_touch(const struct call *call)
{
	const struct proto_context *context = call->context;
	struct store_key key;
	int64_t exptime;

	if (!key_of(call, &key))
		return;
	if (!number_parse_signed(call->token[2].text, call->token[2].len, &exptime)) {
		refuse(call, "CLIENT_ERROR invalid exptime argument");
		return;
	}
	count(context->counters, cmd_touch);
	if (store_touch(context->service->store, context->now, &key,
			service_exptime(context->service, context->now, exptime)) == STORE_OK) {
		count(context->counters, touch_hits);
		answer(call, "TOUCHED");
	} else {
		count(context->counters, touch_misses);
		answer(call, "NOT_FOUND");
	}
}

static void do_flush_all(const struct call *call)
{
	const struct proto_context *context = call->context;
	int64_t delay = 0;
	int arguments = call->n - 1 - call->noreply;

	if (arguments > 0 &&
	    !number_parse_signed(call->token[1].text, call->token[1].len, &delay)) {
		refuse(call, "CLIENT_ERROR invalid exptime argument");
		return;
	}
	count(context->counters, cmd_flush);
	/* 0, no argument and a moment in the past all mean: at once. */
	store_flush(context->service->store, context->now,
		    service_exptime(context->service, context->now, delay));
	answer(call, "OK");
}

static void do_verbosity(const struct call *call)
{
	int arguments = call->n - 1 - call->noreply;
	uint64_t level;

	/* There is nothing to be verbose about; the argument is checked all the same. */
	if (arguments > 0 && !number_parse(call->token[1].text, call->token[1].len, &level)) {
		refuse(call, ERROR_FORMAT);
		return;
	}
	answer(call, "OK");
}

static void do_version(const struct call *call)
{
	reply_line(call->reply, "VERSION " SERVICE_VERSION);
}

static void do_quit(const struct call *call)
{
	call->proto->closing = true;
}

static void do_stats(const struct call *call)
{
	command_stats(call->context, call->token, call->n, call->reply);
}

static const struct {
	const char *name;
	void (*run)(const struct call *call);
	int least, most;	/* words, the verb included */
	bool takes_noreply;
} commands[] = {
	{ "delete", do_delete, 2, 4, true },
	{ "incr", do_incr, 3, 4, true },
	{ "decr", do_decr, 3, 4, true },
	{ "touch", do_touch, 3, 4, true },
	{ "flush_all", do_flush_all, 1, 3, true },
	{ "verbosity", do_verbosity, 2, 3, true },
	{ "version", do_version, 1, TOKENS_MAX, false },
	{ "quit", do_quit, 1, TOKENS_MAX, false },
	{ "stats", do_stats, 1, 2, false },
};

void command_run(struct proto *proto, const struct proto_context *context,
		 const struct token *token, int n, struct reply *reply)
{
	size_t i;

	for (i = 0; n && i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct call call = { proto, context, token, n, false, reply };

		if (!token_is(token[0], commands[i].name))
			continue;
		if (n < commands[i].least || n > commands[i].most)
			break;
		call.noreply = commands[i].takes_noreply && token_is(token[n - 1], "noreply");
		commands[i].run(&call);
		return;
	}
	count(context->counters, protocol_errors);
	reply_line(reply, "ERROR");
}
