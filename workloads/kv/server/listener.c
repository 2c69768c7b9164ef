// SPDX-License-Identifier: MIT
/* Accepting, and refusing politely what is too many. */
#include "kv/server/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_PER_ROUND 32
#define BACKLOG 4096
/* Files that are not connections: the workers' own, standard streams, libraries'. */
#define OTHER_FILES (64 + 4 * SERVICE_THREADS_MAX)

static int spare(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void refuse(struct worker *worker, int fd)
{
	static const char text[] = "ERROR Too many open connections\r\n";

	count(worker->context.counters, rejected_connections);
	send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

/* No descriptor left: without this the pending connection would wake us for ever. */
static void refuse_without_descriptor(struct worker *worker, struct listener *listener)
{
	int fd;

	close(listener->spare_fd);
	fd = accept4(listener->source.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		refuse(worker, fd);
	listener->spare_fd = spare();
}

static void accept_ready(struct worker *worker, struct source *source, uint32_t events)
{
	struct listener *listener = (struct listener *)source;
	struct service *service = worker->context.service;
	int i, fd, one = 1;

	(void)events;
	for (i = 0; i < ACCEPTS_PER_ROUND; i++) {
		fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE)
				refuse_without_descriptor(worker, listener);
			return;
		}
		if ((uint32_t)fd >= listener->table.size ||
		    __atomic_load_n(&service->conns, __ATOMIC_RELAXED) >= service->max_conns) {
			refuse(worker, fd);
			continue;
		}
		count(worker->context.counters, total_connections);
		__atomic_add_fetch(&service->conns, 1, __ATOMIC_RELAXED);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		conn_open(&listener->table, listener->workers[listener->next], fd);
		listener->next = (listener->next + 1) % listener->nr_workers;
	}
}

int listener_open(struct listener *listener, struct in_addr address, uint16_t *port)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr = address,
				    .sin_port = htons(*port) };
	socklen_t size = sizeof(name);
	int one = 1, fd, error;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&name, size) || listen(fd, BACKLOG) ||
	    getsockname(fd, (struct sockaddr *)&name, &size)) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	*port = ntohs(name.sin_port);
	listener->source.fd = fd;
	listener->source.ready = accept_ready;
	return 0;
}

int listener_start(struct listener *listener, struct worker **workers, unsigned int nr_workers)
{
	struct service *service = workers[0]->context.service;
	struct rlimit limit;
	rlim_t want = service->max_conns + OTHER_FILES;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -1;
	if (limit.rlim_cur < want) {
		limit.rlim_cur = want;
		if (limit.rlim_max < want)
			limit.rlim_max = want;
		if (setrlimit(RLIMIT_NOFILE, &limit))
			return -1;
	}
	listener->workers = workers;
	listener->nr_workers = nr_workers;
	listener->next = 0;
	listener->spare_fd = spare();
	if (conn_table_init(&listener->table, (uint32_t)want))
		return -1;
	return worker_watch(workers[0], &listener->source, EPOLLIN);
}

void listener_close(struct listener *listener, struct service *service)
{
	conn_table_free(&listener->table, service);
	close(listener->spare_fd);
	close(listener->source.fd);
}
