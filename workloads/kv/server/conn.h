/* SPDX-License-Identifier: MIT */
/*
 * A TCP connection: what of a request has come, what of a reply is still to
 * go. An idle connection owns no buffer.
 *
 * While replies cannot be sent nothing is read, so a client that does not
 * read its replies stops itself. Half requests and unsent replies of all
 * connections together are limited; a request that would go over the limit
 * is refused, so that small requests of others always find room.
 */
#ifndef SERVER_CONN_H
#define SERVER_CONN_H

#include "kv/server/worker.h"

struct conn {
	struct source source;
	struct proto proto;
	char *in, *out;			/* NULL when there is nothing to keep */
	uint32_t in_len, in_size;
	uint32_t out_sent, out_len;
};

/* One entry per possible file descriptor; the connection's number is its fd. */
struct conn_table {
	struct conn *conn;
	uint32_t size;
};

int conn_table_init(struct conn_table *table, uint32_t size);

/* After all workers ended: close what is still open. */
void conn_table_free(struct conn_table *table, struct service *service);

/* Hand a new, non-blocking socket to a worker; closes it on failure. */
void conn_open(struct conn_table *table, struct worker *worker, int fd);

#endif
