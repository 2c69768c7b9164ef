// SPDX-License-Identifier: MIT
/* Cutting the input into requests, and the gets, which answer key by key. */
#include "kv/server/proto.h"

#include "kv/server/command.h"
#include "kv/server/item.h"
#include "kv/server/number.h"

static void reply_value(struct reply *reply, struct store_key *key, struct store_view *view,
			bool with_cas)
{
	/* "VALUE ", key, three numbers, separators, data, two line ends. */
	size_t most = 6 + key->len + 3 * (1 + NUMBER_DIGITS_MAX) + view->value_len + 4;
	char *start = reply_room(reply, most), *p = start;

	if (!p)
		return;
	memcpy(p, "VALUE ", 6);
	p += 6;
	memcpy(p, key->text, key->len);
	p += key->len;
	*p++ = ' ';
	p += number_format(p, view->flags);
	*p++ = ' ';
	p += number_format(p, view->value_len);
	if (with_cas) {
		*p++ = ' ';
		p += number_format(p, view->cas);
	}
	memcpy(p, "\r\n", 2);
	p += 2;
	store_view_copy(view, p);
	p += view->value_len;
	memcpy(p, "\r\n", 2);
	p += 2;
	reply->len += (size_t)(p - start);
}

static void get_one(struct proto *proto, const struct proto_context *context, const char *text,
		    size_t len, struct reply *reply)
{
	struct store_key key = store_key(text, len);
	struct store_view view;
	bool hit = store_get(context->service->store, context->now, &key,
			     proto->get_touch ? &proto->get_exptime : NULL, &view);

	if (proto->get_touch) {
		count(context->counters, cmd_touch);
		if (hit)
			count(context->counters, touch_hits);
		else
			count(context->counters, touch_misses);
	}
	count(context->counters, cmd_get);
	if (!hit) {
		count(context->counters, get_misses);
		return;
	}
	count(context->counters, get_hits);
	reply_value(reply, &key, &view, proto->get_cas);
	store_view_end(&view);
}

static void get_finish(struct proto *proto, const struct proto_context *context,
		       struct reply *reply)
{
	proto->get_active = false;
	if (proto->get_bad) {
		count(context->counters, protocol_errors);
		reply_line(reply, ERROR_FORMAT);
	} else {
		reply_line(reply, "END");
	}
}

/*
 * Take keys until the line ends, the input ends or the replies pile up;
 * returns the bytes used. `mark` is where this get's replies begin when all
 * of them are still in the buffer: an overlong key takes them back.
 */
static size_t get_keys(struct proto *proto, const struct proto_context *context, const char *in,
		       size_t len, struct reply *reply, const size_t *mark)
{
	const char *p = in, *end = in + len;

	for (;;) {
		const char *word;

		while (p < end && *p == ' ')
			p++;
		word = p;
		while (p < end && *p != ' ' && *p != '\n')
			p++;
		if (p == end) {
			/* The word may go on; of a hopeless one nothing is kept. */
			if (!proto->get_bad && (size_t)(end - word) <= ITEM_KEY_MAX + 1)
				return (size_t)(word - in);
			if (!proto->get_bad && mark)
				reply->len = *mark;
			proto->get_bad = true;
			return len;
		}
		if (!proto->get_bad) {
			size_t size = (size_t)(p - word);

			if (*p == '\n' && size && word[size - 1] == '\r')
				size--;
			if (size > ITEM_KEY_MAX) {
				proto->get_bad = true;
				if (mark)
					reply->len = *mark;
			} else if (size) {
				get_one(proto, context, word, size, reply);
			}
		}
		if (*p == '\n') {
			get_finish(proto, context, reply);
			return (size_t)(p + 1 - in);
		}
		if (reply->len >= PROTO_REPLY_HIGH)
			return (size_t)(p - in);
	}
}

/* A line that begins with a get; `len` is without the verb's own spaces. */
static bool get_verb(struct proto *proto, struct token verb)
{
	if (verb.len < 3 || verb.len > 4 || verb.text[0] != 'g')
		return false;
	proto->get_touch = verb.text[1] == 'a';
	proto->get_cas = verb.len == 4;
	return token_is(verb, "get") || token_is(verb, "gets") || token_is(verb, "gat") ||
	       token_is(verb, "gats");
}

/*
 * Begin a get. `line` is the whole line, or what has come of a very long
 * one. Returns where its keys begin, or NULL when it was answered already.
 */
static const char *get_begin(struct proto *proto, const struct proto_context *context,
			     const char *line, size_t len, struct reply *reply)
{
	struct token token[TOKENS_MAX];
	int n = token_split(line, len, token), first = proto->get_touch ? 2 : 1;
	int64_t exptime = 0;

	if (n < 2) {
		count(context->counters, protocol_errors);
		reply_line(reply, "ERROR");
		return NULL;
	}
	if (proto->get_touch && !number_parse_signed(token[1].text, token[1].len, &exptime)) {
		count(context->counters, protocol_errors);
		reply_line(reply, "CLIENT_ERROR invalid exptime argument");
		return NULL;
	}
	if (proto->get_touch)
		proto->get_exptime = service_exptime(context->service, context->now, exptime);
	proto->get_active = true;
	proto->get_bad = false;
	return first < n ? token[first].text : line + len;
}

/* The request's first word starts after any spaces. */
static struct token first_word(const char *line, size_t len)
{
	struct token token = { line, 0 };
	const char *end = line + len;

	while (token.text < end && *token.text == ' ')
		token.text++;
	while (token.text + token.len < end && token.text[token.len] != ' ')
		token.len++;
	return token;
}

/* No end of line yet: wait, give up, or start on the keys of a long get. */
static size_t unfinished_line(struct proto *proto, const struct proto_context *context,
			      const char *in, size_t len, struct reply *reply)
{
	const char *keys;

	if (len <= PROTO_LINE_MAX)
		return 0;
	if (get_verb(proto, first_word(in, len))) {
		keys = get_begin(proto, context, in, len, reply);
		if (keys)
			return (size_t)(keys - in);
	}
	count(context->counters, protocol_errors);
	proto->closing = true;
	return len;
}

/* A storage command: its value follows the line. Returns 0 while it is not complete. */
static size_t put(struct proto *proto, const struct proto_context *context,
		  const struct token *token, int n, size_t line, const char *in, size_t len,
		  struct reply *reply)
{
	struct put_request request = { 0 };

	command_is_put(token[0], &request.mode);
	if (!command_parse_put(context, token, n, &request, &proto->swallow, reply))
		return line;
	if (len - line < request.value.len + 2) {
		proto->need = line + request.value.len + 2;
		proto->noreply = request.noreply;
		return 0;
	}
	command_put(context, &request, in + line, reply);
	return line + request.value.len + 2;
}

/* One request (or the beginning of a get); returns the bytes used, 0: more needed. */
static size_t one_request(struct proto *proto, const struct proto_context *context,
			  const char *in, size_t len, struct reply *reply)
{
	const char *newline = memchr(in, '\n', len), *keys;
	struct token token[TOKENS_MAX];
	enum store_mode mode;
	size_t line, mark;
	int n;

	if (!newline)
		return unfinished_line(proto, context, in, len, reply);
	line = (size_t)(newline - in);
	if (line && in[line - 1] == '\r')
		line--;
	if (get_verb(proto, first_word(in, line))) {
		mark = reply->len;
		keys = get_begin(proto, context, in, line, reply);
		if (!keys)
			return (size_t)(newline + 1 - in);
		return (size_t)(keys - in) +
		       get_keys(proto, context, keys, (size_t)(newline + 1 - keys), reply, &mark);
	}
	n = token_split(in, line, token);
	if (n && command_is_put(token[0], &mode))
		return put(proto, context, token, n, (size_t)(newline + 1 - in), in, len, reply);
	command_run(proto, context, token, n, reply);
	return (size_t)(newline + 1 - in);
}

size_t proto_run(struct proto *proto, const struct proto_context *context, const char *in,
		 size_t len, struct reply *reply)
{
	size_t used = 0;

	proto->need = 0;
	while (used < len && !proto->closing && reply->len < PROTO_REPLY_HIGH) {
		size_t left = len - used, step;

		if (proto->swallow) {
			step = proto->swallow < left ? proto->swallow : left;
			proto->swallow -= step;
		} else if (proto->get_active) {
			step = get_keys(proto, context, in + used, left, reply, NULL);
		} else {
			step = one_request(proto, context, in + used, left, reply);
		}
		if (!step)
			break;
		used += step;
	}
	return used;
}

void proto_refuse(struct proto *proto, const struct proto_context *context, size_t have,
		  struct reply *reply)
{
	count(context->counters, protocol_errors);
	if (!proto->noreply)
		reply_line(reply, "SERVER_ERROR out of memory storing object");
	proto->swallow = proto->need - have;
	proto->need = 0;
}
