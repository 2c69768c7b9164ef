// SPDX-License-Identifier: MIT
/* The storage commands: set, add, replace, append, prepend, cas. */
#include "kv/server/command.h"
#include "kv/server/item.h"
#include "kv/server/number.h"

/* Longer values are not even waited for: their length is taken as nonsense. */
#define VALUE_SANE_MAX 0x7ffffff0ll

bool command_is_put(struct token verb, enum store_mode *mode)
{
	static const struct {
		const char *name;
		enum store_mode mode;
	} verbs[] = {
		{ "set", STORE_SET },	    { "add", STORE_ADD },
		{ "replace", STORE_REPLACE }, { "append", STORE_APPEND },
		{ "prepend", STORE_PREPEND }, { "cas", STORE_CAS },
	};
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (token_is(verb, verbs[i].name)) {
			*mode = verbs[i].mode;
			return true;
		}
	}
	return false;
}

bool command_parse_put(const struct proto_context *context, const struct token *token, int n,
		       struct put_request *request, size_t *swallow, struct reply *reply)
{
	int least = request->mode == STORE_CAS ? 6 : 5;
	uint64_t flags, cas = 0;
	int64_t exptime, len;

	if (n < least || n > least + 1) {
		count(context->counters, protocol_errors);
		reply_line(reply, "ERROR");
		return false;
	}
	request->noreply = token_is(token[n - 1], "noreply");
	if (token[1].len > ITEM_KEY_MAX ||
	    !number_parse(token[2].text, token[2].len, &flags) || flags > UINT32_MAX ||
	    !number_parse_signed(token[3].text, token[3].len, &exptime) ||
	    !number_parse_signed(token[4].text, token[4].len, &len) || len < 0 ||
	    len > VALUE_SANE_MAX ||
	    (request->mode == STORE_CAS && !number_parse(token[5].text, token[5].len, &cas))) {
		count(context->counters, protocol_errors);
		if (!request->noreply)
			reply_line(reply, ERROR_FORMAT);
		return false;
	}
	request->key = token[1];
	request->value = (struct store_value){
		.len = (size_t)len, .flags = (uint32_t)flags, .cas = cas,
		.exptime = service_exptime(context->service, context->now, exptime),
	};
	if (store_too_large(request->key.len, (size_t)len)) {
		struct store_key key = store_key(request->key.text, request->key.len);

		/* The client meant to overwrite: the old value must not survive as stale. */
		if (request->mode == STORE_SET)
			store_delete(context->service->store, context->now, &key);
		count(context->counters, protocol_errors);
		if (!request->noreply)
			reply_line(reply, "SERVER_ERROR object too large for cache");
		*swallow = (size_t)len + 2;
		return false;
	}
	return true;
}

static void count_cas(struct counters *counters, enum store_result result)
{
	if (result == STORE_OK)
		count(counters, cas_hits);
	else if (result == STORE_EXISTS)
		count(counters, cas_badval);
	else
		count(counters, cas_misses);
}

void command_put(const struct proto_context *context, struct put_request *request,
		 const char *data, struct reply *reply)
{
	struct store_key key = store_key(request->key.text, request->key.len);
	enum store_result result;

	count(context->counters, cmd_set);
	if (memcmp(data + request->value.len, "\r\n", 2)) {
		count(context->counters, protocol_errors);
		if (!request->noreply)
			reply_line(reply, "CLIENT_ERROR bad data chunk");
		return;
	}
	request->value.data = data;
	result = store_put(context->service->store, context->now, request->mode, &key,
			   &request->value);
	if (request->mode == STORE_CAS)
		count_cas(context->counters, result);
	if (request->noreply)
		return;
	switch (result) {
	case STORE_OK:
		reply_line(reply, "STORED");
		break;
	case STORE_NOT_STORED:
		reply_line(reply, "NOT_STORED");
		break;
	case STORE_EXISTS:
		reply_line(reply, "EXISTS");
		break;
	case STORE_NOT_FOUND:
		reply_line(reply, "NOT_FOUND");
		break;
	case STORE_TOO_LARGE:
		reply_line(reply, "SERVER_ERROR object too large for cache");
		break;
	case STORE_NO_MEMORY:
	case STORE_NOT_NUMBER:
		reply_line(reply, "SERVER_ERROR out of memory storing object");
		break;
	}
}
