/* SPDX-License-Identifier: MIT */
/* The commands that fit on one line, and the ones that store a value. */
#ifndef SERVER_COMMAND_H
#define SERVER_COMMAND_H

#include "kv/server/proto.h"
#include "kv/server/token.h"

#define ERROR_FORMAT "CLIENT_ERROR bad command line format"

/* A storage command whose line was understood. */
struct put_request {
	enum store_mode mode;
	struct token key;
	struct store_value value;
	bool noreply;
};

/* All but the gets and the storage commands; unknown ones get ERROR. */
void command_run(struct proto *proto, const struct proto_context *context,
		 const struct token *token, int n, struct reply *reply);

/* True when token[0] names a storage command. */
bool command_is_put(struct token verb, enum store_mode *mode);

/*
 * Check a storage command's line. True: *request is filled but for its data.
 * False: the error was replied; *swallow bytes of value follow all the same.
 */
bool command_parse_put(const struct proto_context *context, const struct token *token, int n,
		       struct put_request *request, size_t *swallow, struct reply *reply);

/* data: value.len bytes and the two that must be \r\n. */
void command_put(const struct proto_context *context, struct put_request *request,
		 const char *data, struct reply *reply);

void command_stats(const struct proto_context *context, const struct token *token, int n,
		   struct reply *reply);

#endif
