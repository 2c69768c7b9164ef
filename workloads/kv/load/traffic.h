/* SPDX-License-Identifier: MIT */
/*
 * Sending requests and matching replies, over TCP, UDP or rings in memory,
 * without deciding when: the two loops (open, closed) say when.
 *
 * Request i belongs to connection i mod n. Over TCP and through a ring the
 * replies of a connection come in the order of its requests; over UDP a reply
 * names its request. What the socket or the ring does not take at once is kept
 * in order and sent as soon as it can be.
 */
#ifndef LOAD_TRAFFIC_H
#define LOAD_TRAFFIC_H

#include <netinet/in.h>

#include "kv/load/check.h"
#include "kv/load/plan.h"
#include "kv/ring/file.h"
#include "lib/clock.h"

/* Times are ns after the start; 0 in `done` means: no reply yet. */
struct stamp {
	uint64_t sent, done;
};

struct channel {
	int fd;
	struct ring requests, replies;	/* instead of it */
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
	struct ring_file ring;		/* header: NULL without rings */
	uint64_t idle;			/* looks at the rings in vain, in a row */
	uint64_t start_ns;		/* on the clock */
	struct clock_pair began, ended;	/* around the timed part of an open loop */
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
/* The same to a server that has rings; as many channels as it has pairs of them. */
void traffic_open_ring(struct traffic *traffic, struct plan *plan, const char *path);
void traffic_close(struct traffic *traffic);

/* Touch all memory of the timed part: it could not be locked, or a VM has to know it, too. */
void traffic_prefault(struct traffic *traffic);

/* Release the next request and send it if its socket lets us. */
void traffic_send_next(struct traffic *traffic);

/* One look at the replies; also retries full sockets. Does not wait. */
void traffic_poll(struct traffic *traffic);

static inline uint64_t traffic_outstanding(const struct traffic *traffic)
{
	return traffic->handed - traffic->received;
}

/* For the transports: the right reply to request i has come; a wrong one has. */
void traffic_complete(struct traffic *traffic, uint64_t i, enum verdict verdict, uint64_t now);
void traffic_wrong(struct traffic *traffic, uint64_t i, const char *in, size_t len);
void traffic_prepare(struct traffic *traffic, const struct plan *plan, unsigned int channels,
		     size_t in_size);

#define trouble(traffic, ...) \
	snprintf((traffic)->trouble, sizeof((traffic)->trouble), __VA_ARGS__)

/* What an error of ring_file_open() or ring_file_use() means, and what to do. */
const char *rings_explain(int error);

/* Send what is released on this channel; false when its ring is full. */
bool rings_send(struct traffic *traffic, struct channel *channel);

/* Take the replies that are there. */
void rings_poll(struct traffic *traffic);

#endif
