/* SPDX-License-Identifier: MIT */
/*
 * Accepts TCP connections and deals them out to the workers in turn.
 *
 * One listener on the first worker, rather than one per worker: the kernel
 * would spread few connections unevenly.
 */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include <netinet/in.h>

#include "kv/server/conn.h"

struct listener {
	struct source source;
	struct conn_table table;
	struct worker **workers;
	unsigned int nr_workers, next;
	int spare_fd;		/* given up to accept and refuse when none is left */
};

/* Bind, listen; *port is updated when it was 0. 0 or -1 with errno. */
int listener_open(struct listener *listener, struct in_addr address, uint16_t *port);

/* Limits and table size follow service->max_conns. */
int listener_start(struct listener *listener, struct worker **workers, unsigned int nr_workers);
void listener_close(struct listener *listener, struct service *service);

#endif
