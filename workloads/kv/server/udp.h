/* SPDX-License-Identifier: MIT */
/*
 * memcached's UDP framing: an 8-byte header (request id, sequence number,
 * number of datagrams, zero; 16 bits each, big endian) before the text.
 *
 * A request is one datagram; a reply is as many of at most 1400 bytes as it
 * takes. What is not a whole request is dropped without an answer, and
 * nothing of a datagram is remembered for the next.
 */
#ifndef SERVER_UDP_H
#define SERVER_UDP_H

#include <netinet/in.h>

#include "kv/server/worker.h"

#define UDP_HEADER 8u
#define UDP_DATAGRAM_MAX 1400u

struct udp;

/* NULL with errno; *port is updated when it was 0. Workers share the port. */
struct udp *udp_open(struct in_addr address, uint16_t *port);
int udp_start(struct udp *udp, struct worker *worker);
void udp_close(struct udp *udp);

#endif
