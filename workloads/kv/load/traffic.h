/* SPDX-License-Identifier: MIT */
/*
 * Sending requests and matching replies, over TCP or UDP, without deciding
 * when: the two loops (open, closed) say when.
 *
 * Request i belongs to connection i mod n. Over TCP the replies of a
 * connection come in the order of its requests; over UDP a reply names its
 * request. What the socket does not take at once is kept in order and sent
 * as soon as it can be.
 */
#ifndef LOAD_TRAFFIC_H
#define LOAD_TRAFFIC_H

#include <netinet/in.h>

#include "kv/load/plan.h"

/* Times are ns after the start; 0 in `done` means: no reply yet. */
struct stamp {
	uint64_t sent, done;
};

struct channel {
	int fd;
	uint64_t next_tx, next_rx;	/* request numbers */
	size_t tx_offset;		/* of next_tx, handed to the socket already */
	char *in;
	size_t in_len;
	unsigned int udp_id, udp_next, udp_total;	/* reply being put together */
};

struct traffic {
	const struct plan *plan;
	bool udp;
	struct channel *channel;
	unsigned int nr_channels;
	size_t in_size;
	int epoll_fd;
	uint64_t start_ns;		/* on the clock */
	struct stamp *stamp;
	uint8_t *outcome;		/* enum verdict of each request */
	uint64_t released;		/* requests [0, released) may be sent */
	uint64_t handed;		/* requests handed to a socket */
	uint64_t received;
	uint64_t oldest;		/* all before it are answered */
	unsigned int nr_blocked;	/* channels with a full socket */
	bool guessed;			/* the last look was at one channel, and in vain */
	char trouble[160];		/* why the run cannot go on; empty: it can */
};

/* Connects all; exits with a message on failure. */
void traffic_open(struct traffic *traffic, const struct plan *plan, bool udp,
		  const struct sockaddr_in *target, unsigned int connections);
void traffic_close(struct traffic *traffic);

/* Touch all memory the timed part writes, for when it could not be locked. */
void traffic_prefault(struct traffic *traffic);

/* Release the next request and send it if its socket lets us. */
void traffic_send_next(struct traffic *traffic);

/* One look at the replies; also retries full sockets. Does not wait. */
void traffic_poll(struct traffic *traffic);

static inline uint64_t traffic_outstanding(const struct traffic *traffic)
{
	return traffic->handed - traffic->received;
}

#endif
