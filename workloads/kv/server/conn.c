// SPDX-License-Identifier: MIT
/* Reading, serving and writing on one connection. */
#include "kv/server/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Always allowed, whatever the limit says: the beginning of one line. */
#define SMALL_BUFFER 4096u
/* Rounds of full reply buffers before the other connections get their turn. */
#define ROUNDS_MAX 8

int conn_table_init(struct conn_table *table, uint32_t size)
{
	table->conn = calloc(size, sizeof(*table->conn));
	table->size = size;
	return table->conn ? 0 : -1;
}

/* True when the bytes are granted; small amounts always are. */
static bool buffer_take(struct service *service, size_t size, bool small)
{
	uint64_t now = __atomic_add_fetch(&service->buffered, size, __ATOMIC_RELAXED);

	if (small || now <= service->buffer_limit)
		return true;
	__atomic_sub_fetch(&service->buffered, size, __ATOMIC_RELAXED);
	return false;
}

static void buffer_give(struct service *service, size_t size)
{
	__atomic_sub_fetch(&service->buffered, size, __ATOMIC_RELAXED);
}

static void drop_in(struct service *service, struct conn *conn)
{
	if (conn->in) {
		free(conn->in);
		buffer_give(service, conn->in_size);
	}
	conn->in = NULL;
	conn->in_len = conn->in_size = 0;
}

static void drop_out(struct service *service, struct conn *conn)
{
	if (conn->out) {
		free(conn->out);
		buffer_give(service, conn->out_len);
	}
	conn->out = NULL;
	conn->out_sent = conn->out_len = 0;
}

static void conn_close(struct service *service, struct conn *conn)
{
	int fd = conn->source.fd;

	drop_in(service, conn);
	drop_out(service, conn);
	conn->source.fd = -1;
	__atomic_sub_fetch(&service->conns, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&conn->source.ready, NULL, __ATOMIC_RELEASE);
	/* Last: the number, and with it this struct, may be reused from here on. */
	close(fd);
}

void conn_table_free(struct conn_table *table, struct service *service)
{
	uint32_t i;

	for (i = 0; i < table->size; i++)
		if (table->conn[i].source.ready)
			conn_close(service, &table->conn[i]);
	free(table->conn);
}

/* Make in_size at least `size`; false when the limit or memory forbids it. */
static bool in_resize(struct service *service, struct conn *conn, size_t size)
{
	char *in;

	if (size <= conn->in_size)
		return true;
	if (!buffer_take(service, size - conn->in_size, size <= SMALL_BUFFER))
		return false;
	in = realloc(conn->in, size);
	if (!in) {
		buffer_give(service, size - conn->in_size);
		return false;
	}
	conn->in = in;
	conn->in_size = (uint32_t)size;
	return true;
}

/*
 * Send the replies; what the socket does not take is kept. False: the
 * connection is beyond help.
 */
static bool send_reply(struct worker *worker, struct conn *conn)
{
	struct reply *reply = &worker->reply;
	size_t left = reply->len;
	ssize_t n;

	if (reply->failed)
		return false;
	if (!left)
		return true;
	n = send(conn->source.fd, reply->data, left, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return false;
		n = 0;
	}
	count_add(worker->context.counters, bytes_written, (uint64_t)n);
	left -= (size_t)n;
	if (left) {
		if (!buffer_take(worker->context.service, left, left <= SMALL_BUFFER))
			return false;
		conn->out = malloc(left);
		if (!conn->out) {
			buffer_give(worker->context.service, left);
			return false;
		}
		memcpy(conn->out, reply->data + n, left);
		conn->out_len = (uint32_t)left;
		conn->out_sent = 0;
		if (worker_rewatch(worker, &conn->source, EPOLLOUT))
			return false;
	}
	reply_reset(reply);
	return true;
}

/* Keep the unused rest of the input; `data` may lie inside conn->in. */
static bool keep_input(struct worker *worker, struct conn *conn, const char *data, size_t len)
{
	struct service *service = worker->context.service;

	if (!len) {
		drop_in(service, conn);
		return true;
	}
	if (!conn->in && !in_resize(service, conn, len < SMALL_BUFFER ? SMALL_BUFFER : len)) {
		if (!conn->proto.need)
			return false;
		proto_refuse(&conn->proto, &worker->context, len, &worker->reply);
		return send_reply(worker, conn);
	}
	memmove(conn->in, data, len);
	conn->in_len = (uint32_t)len;
	return true;
}

/* Serve `len` bytes at `data`; false: close the connection. */
static bool serve(struct worker *worker, struct conn *conn, const char *data, size_t len)
{
	int rounds = 0;
	size_t used;

	do {
		used = 0;
		if (len && len >= conn->proto.need)
			used = proto_run(&conn->proto, &worker->context, data, len,
					 &worker->reply);
		data += used;
		len -= used;
		if (!send_reply(worker, conn))
			return false;
		if (conn->out)
			break;
		if (conn->proto.closing)
			return false;
		if (++rounds == ROUNDS_MAX && used && len) {
			if (worker_rewatch(worker, &conn->source, EPOLLOUT))
				return false;
			break;
		}
	} while (used && len);
	return keep_input(worker, conn, data, len);
}

/* Replies were pending: send more; when all are gone serve what has come meanwhile. */
static bool continue_output(struct worker *worker, struct conn *conn)
{
	struct service *service = worker->context.service;

	if (conn->out) {
		ssize_t n = send(conn->source.fd, conn->out + conn->out_sent,
				 conn->out_len - conn->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		count_add(worker->context.counters, bytes_written, (uint64_t)n);
		conn->out_sent += (uint32_t)n;
		if (conn->out_sent < conn->out_len)
			return true;
		drop_out(service, conn);
	}
	if (conn->proto.closing)
		return false;
	if (worker_rewatch(worker, &conn->source, EPOLLIN))
		return false;
	return !conn->in_len || serve(worker, conn, conn->in, conn->in_len);
}

/* Room behind the kept input: as much as the request needs, but in steps it has earned. */
static bool grow_input(struct worker *worker, struct conn *conn)
{
	size_t want = conn->in_size;

	if (conn->in_len < conn->in_size)
		return true;
	want = want < WORKER_INPUT ? 2 * want : conn->proto.need;
	if (conn->proto.need && want > conn->proto.need)
		want = conn->proto.need;
	if (want <= conn->in_size)
		want = conn->in_size + SMALL_BUFFER;
	if (in_resize(worker->context.service, conn, want))
		return true;
	if (!conn->proto.need)
		return false;
	proto_refuse(&conn->proto, &worker->context, conn->in_len, &worker->reply);
	drop_in(worker->context.service, conn);
	return send_reply(worker, conn);
}

static bool read_and_serve(struct worker *worker, struct conn *conn)
{
	char *to = worker->input;
	size_t room = sizeof(worker->input);
	ssize_t n;

	if (conn->in_len) {
		if (!grow_input(worker, conn))
			return false;
		if (conn->out)
			return true;
	}
	if (conn->in_len) {
		to = conn->in + conn->in_len;
		room = conn->in_size - conn->in_len;
	}
	n = recv(conn->source.fd, to, room, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	count_add(worker->context.counters, bytes_read, (uint64_t)n);
	if (!conn->in_len)
		return serve(worker, conn, to, (size_t)n);
	conn->in_len += (uint32_t)n;
	return serve(worker, conn, conn->in, conn->in_len);
}

static void conn_ready(struct worker *worker, struct source *source, uint32_t events)
{
	struct conn *conn = (struct conn *)source;
	bool alive;

	if (events & EPOLLOUT)
		alive = continue_output(worker, conn);
	else if (events & EPOLLIN)
		alive = read_and_serve(worker, conn);
	else
		alive = false;
	if (!alive) {
		reply_reset(&worker->reply);
		conn_close(worker->context.service, conn);
	}
}

void conn_open(struct conn_table *table, struct worker *worker, int fd)
{
	struct conn *conn = &table->conn[fd];

	/*
	 * Another worker may have closed this number a moment ago. The kernel
	 * gave it out again only after that, so this does not wait; it makes
	 * that worker's last writes visible here.
	 */
	while (__atomic_load_n(&conn->source.ready, __ATOMIC_ACQUIRE))
		;
	memset(conn, 0, sizeof(*conn));
	conn->source.fd = fd;
	conn->source.ready = conn_ready;
	if (worker_watch(worker, &conn->source, EPOLLIN))
		conn_close(worker->context.service, conn);
}
