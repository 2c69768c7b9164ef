/* SPDX-License-Identifier: MIT */
/*
 * memcached's text protocol as a state machine: bytes in, reply bytes out, no
 * sockets.
 *
 * The caller shows all bytes it has; proto_run() takes whole requests and
 * returns how many bytes it used. The rest is shown again, with more behind
 * it. Replies are bounded: when much has piled up proto_run() returns early,
 * even between two keys of one get, and wants to be called again after the
 * replies were sent.
 */
#ifndef SERVER_PROTO_H
#define SERVER_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kv/server/counters.h"
#include "kv/server/reply.h"
#include "kv/server/service.h"

/* A line this long without its end closes the connection, but for get. */
#define PROTO_LINE_MAX 2048u
#define PROTO_REPLY_HIGH (256u << 10)

/* Who is talking: the thread's view of the service. */
struct proto_context {
	struct service *service;
	struct counters *counters;
	uint32_t now;
};

struct proto {
	size_t need;		/* do not call again with fewer bytes than this */
	size_t swallow;		/* bytes of a refused value still to come */
	uint32_t get_exptime;
	bool get_active;	/* inside the key list of a get */
	bool get_cas, get_touch;
	bool get_bad;		/* an overlong key: skip to the end of the line */
	bool noreply;		/* of the request that waits for `need` bytes */
	bool closing;		/* send what there is, then close */
};

size_t proto_run(struct proto *proto, const struct proto_context *context,
		 const char *in, size_t len, struct reply *reply);

/*
 * The caller cannot keep the `have` bytes of a request that is not complete:
 * refuse the request and throw away the rest of it as it arrives.
 */
void proto_refuse(struct proto *proto, const struct proto_context *context, size_t have,
		  struct reply *reply);

#endif
