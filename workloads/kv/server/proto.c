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
	const char *p = in, *end = in + len, *newline = memchr(in, '\n', len);
	const char *stop = newline ? newline : end;

	for (;;) {
		const char *word;

		while (p < stop && *p == ' ')
			p++;
		word = p;
		p = memchr(word, ' ', (size_t)(stop - word));
		if (!p)
			p = stop;
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

/* Is this the verb of a get? Which one is noted. */
static bool get_verb(struct proto *proto, struct token verb)
{
	if (verb.len < 3 || verb.len > 4 || verb.text[0] != 'g' || verb.text[2] != 't' ||
	    (verb.text[1] != 'e' && verb.text[1] != 'a') ||
	    (verb.len == 4 && verb.text[3] != 's'))
		return false;
	proto->get_touch = verb.text[1] == 'a';
	proto->get_cas = verb.len == 4;
	return true;
}

/*
 * Begin a get whose verb ended at `at`; `end` is the end of the line, or of
 * what has come of a very long one. Returns where its keys begin, or NULL
 * when it was answered already.
 */
static const char *get_begin(struct proto *proto, const struct proto_context *context,
			     const char *at, const char *end, struct reply *reply)
{
	struct token word;
	int64_t exptime;

	if (proto->get_touch) {
		word = token_next(&at, end);
		if (!word.len)
			goto no_argument;
		if (!number_parse_signed(word.text, word.len, &exptime)) {
			count(context->counters, protocol_errors);
			reply_line(reply, "CLIENT_ERROR invalid exptime argument");
			return NULL;
		}
		proto->get_exptime = service_exptime(context->service, context->now, exptime);
	}
	while (at < end && *at == ' ')
		at++;
	if (at == end && !proto->get_touch)
		goto no_argument;
	proto->get_active = true;
	proto->get_bad = false;
	return at;
no_argument:
	count(context->counters, protocol_errors);
	reply_line(reply, "ERROR");
	return NULL;
}

/* No end of line yet: wait, give up, or start on the keys of a long get. */
static size_t unfinished_line(struct proto *proto, const struct proto_context *context,
			      const char *in, size_t len, struct reply *reply)
{
	const char *at = in, *keys;

	if (len <= PROTO_LINE_MAX)
		return 0;
	if (get_verb(proto, token_next(&at, in + len))) {
		keys = get_begin(proto, context, at, in + len, reply);
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
	const char *newline = memchr(in, '\n', len), *keys, *at = in;
	struct token token[TOKENS_MAX];
	enum store_mode mode;
	size_t line, mark;
	int n;

	if (!newline)
		return unfinished_line(proto, context, in, len, reply);
	line = (size_t)(newline - in);
	if (line && in[line - 1] == '\r')
		line--;
	if (get_verb(proto, token_next(&at, in + line))) {
		mark = reply->len;
		keys = get_begin(proto, context, at, in + line, reply);
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
