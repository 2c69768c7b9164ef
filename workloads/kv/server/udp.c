// SPDX-License-Identifier: MIT
/* Receiving requests in batches and sending replies in pieces. */
#include "kv/server/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 16
#define REQUEST_MAX (64u << 10)
#define PAYLOAD_MAX (UDP_DATAGRAM_MAX - UDP_HEADER)
/* A reply longer than its 16-bit count of datagrams can say is cut off. */
#define REPLY_MAX (65535u * PAYLOAD_MAX)

struct udp {
	struct source source;
	struct mmsghdr message[BATCH];
	struct iovec iovec[BATCH];
	struct sockaddr_in peer[BATCH];
	char request[BATCH][REQUEST_MAX];
};

static uint16_t get16(const char *p)
{
	return (uint16_t)((unsigned char)p[0] << 8 | (unsigned char)p[1]);
}

static void put16(char *p, unsigned int value)
{
	p[0] = (char)(value >> 8);
	p[1] = (char)value;
}

/* A lost reply is the client's to notice, as everywhere in UDP. */
static void send_pieces(struct worker *worker, struct udp *udp, unsigned int id,
			const struct reply *reply, const struct sockaddr_in *peer)
{
	unsigned int total = (unsigned int)((reply->len + PAYLOAD_MAX - 1) / PAYLOAD_MAX);
	unsigned int first, i, n;

	for (first = 0; first < total; first += n) {
		char header[BATCH][UDP_HEADER];
		struct iovec iovec[BATCH][2];
		struct mmsghdr message[BATCH];

		n = total - first < BATCH ? total - first : BATCH;
		memset(message, 0, n * sizeof(message[0]));
		for (i = 0; i < n; i++) {
			size_t offset = (size_t)(first + i) * PAYLOAD_MAX;
			size_t left = reply->len - offset;

			put16(header[i], id);
			put16(header[i] + 2, first + i);
			put16(header[i] + 4, total);
			put16(header[i] + 6, 0);
			iovec[i][0] = (struct iovec){ header[i], UDP_HEADER };
			iovec[i][1] = (struct iovec){ reply->data + offset,
						      left < PAYLOAD_MAX ? left : PAYLOAD_MAX };
			message[i].msg_hdr.msg_name = (void *)peer;
			message[i].msg_hdr.msg_namelen = sizeof(*peer);
			message[i].msg_hdr.msg_iov = iovec[i];
			message[i].msg_hdr.msg_iovlen = 2;
		}
		if (n == 1)
			sendmsg(udp->source.fd, &message[0].msg_hdr, MSG_DONTWAIT | MSG_NOSIGNAL);
		else
			sendmmsg(udp->source.fd, message, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	count_add(worker->context.counters, bytes_written, reply->len);
}

static void serve(struct worker *worker, struct udp *udp, const char *in, size_t len,
		  const struct sockaddr_in *peer)
{
	struct reply *reply = &worker->reply;
	struct proto proto = { 0 };
	size_t used, done = UDP_HEADER, high = 0;

	count(worker->context.counters, udp_requests);
	count_add(worker->context.counters, bytes_read, len);
	if (len < UDP_HEADER || get16(in + 4) != 1)
		return;
	/* The high-water mark only pauses proto_run(): here the whole reply is collected. */
	do {
		struct reply part = { 0 };

		if (high) {
			used = proto_run(&proto, &worker->context, in + done, len - done, &part);
			reply_add(reply, part.data, part.len);
			reply_free(&part);
		} else {
			used = proto_run(&proto, &worker->context, in + done, len - done, reply);
			high = reply->len >= PROTO_REPLY_HIGH;
		}
		done += used;
	} while (used && done < len && !proto.closing && reply->len < REPLY_MAX);
	if (reply->len && !reply->failed) {
		if (reply->len > REPLY_MAX)
			reply->len = REPLY_MAX;
		send_pieces(worker, udp, get16(in), reply, peer);
	}
	reply_reset(reply);
}

static void udp_ready(struct worker *worker, struct source *source, uint32_t events)
{
	struct udp *udp = (struct udp *)source;
	int i, n;

	(void)events;
	for (i = 0; i < BATCH; i++)
		udp->message[i].msg_hdr.msg_namelen = sizeof(udp->peer[i]);
	n = recvmmsg(source->fd, udp->message, BATCH, MSG_DONTWAIT, NULL);
	for (i = 0; i < n; i++)
		serve(worker, udp, udp->request[i], udp->message[i].msg_len, &udp->peer[i]);
}

struct udp *udp_open(struct in_addr address, uint16_t *port)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr = address,
				    .sin_port = htons(*port) };
	socklen_t size = sizeof(name);
	struct udp *udp = calloc(1, sizeof(*udp));
	int i, one = 1, error;

	if (!udp)
		return NULL;
	udp->source.ready = udp_ready;
	udp->source.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (udp->source.fd < 0 ||
	    setsockopt(udp->source.fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) ||
	    bind(udp->source.fd, (struct sockaddr *)&name, size) ||
	    getsockname(udp->source.fd, (struct sockaddr *)&name, &size)) {
		error = errno;
		udp_close(udp);
		errno = error;
		return NULL;
	}
	*port = ntohs(name.sin_port);
	for (i = 0; i < BATCH; i++) {
		udp->iovec[i] = (struct iovec){ udp->request[i], REQUEST_MAX };
		udp->message[i].msg_hdr.msg_name = &udp->peer[i];
		udp->message[i].msg_hdr.msg_iov = &udp->iovec[i];
		udp->message[i].msg_hdr.msg_iovlen = 1;
	}
	return udp;
}

int udp_start(struct udp *udp, struct worker *worker)
{
	worker->udp = udp;
	return worker_watch(worker, &udp->source, EPOLLIN);
}

void udp_close(struct udp *udp)
{
	if (udp->source.fd >= 0)
		close(udp->source.fd);
	free(udp);
}
