// SPDX-License-Identifier: MIT
/* A web server that has each connection served apart, and the client that measures it. */
#include <arpa/inet.h>
#include <dune.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apps/sthread/bench.h"
#include "apps/sthread/inside.h"
#include "apps/sthread/sthread.h"
#include "lib/rng.h"
#include "micro/series.h"

#define PORT 8081
#define PAGES_BYTES (PAGES_N * PAGE_BYTES)

enum way { DIRECT, CHILD, COMPARTMENT };
static const char *const names[] = { "direct", "linux", "dune" };

static struct tag pages, connections;
static struct sthread_policy policy;
static struct connection *connection;

static void serve_by_child(int fd)
{
	pid_t child = fork();

	if (!child) {
		inside_serve(connection);
		_exit(0);
	}
	close(fd);
	if (child < 0 || waitpid(child, NULL, 0) != child)
		app_fail("fork", errno);
}

static void serve_by_sthread(int fd)
{
	struct sthread *s;

	app_must(sthread_create(&s, &policy, fd, inside_serve, connection), "sthread_create");
	if (sthread_run(s) != STHREAD_ENDED)
		app_fail("a compartment did what it may not", 0);
	app_must(sthread_free(s, NULL), "sthread_free");
	close(fd);
}

static _Noreturn void server(enum way way, int listener)
{
	app_pin(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (way == COMPARTMENT) {
		app_must(dune_init(NULL), "dune_init");
		app_must(dune_enter(), "dune_enter");
		app_must(sthread_init(), "sthread_init");
	}
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			app_fail("accept", errno);
		/* Of the connection before nothing is left here. */
		connection->fd = fd;
		connection->pages = pages.memory;
		if (way == CHILD) {
			serve_by_child(fd);
		} else if (way == COMPARTMENT) {
			serve_by_sthread(fd);
		} else {
			inside_serve(connection);
			close(fd);
		}
	}
}

static struct sockaddr_in address(void)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(PORT),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int listen_here(void)
{
	struct sockaddr_in here = address();
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)) || listen(fd, 16))
		app_fail("a socket to listen on", errno);
	return fd;
}

/* Ask for a page and look at each byte of the reply. */
static void request(unsigned int page)
{
	char text[64], reply[REQUEST_MAX];
	struct sockaddr_in there = address();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	size_t n = 0;
	ssize_t got;

	if (fd < 0 || connect(fd, (struct sockaddr *)&there, sizeof(there)))
		app_fail("connect", errno);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	snprintf(text, sizeof(text), "GET /%u HTTP/1.0\r\n\r\n", page);
	if (write(fd, text, strlen(text)) < 0)
		app_fail("write", errno);
	while ((got = read(fd, reply + n, sizeof(reply) - n)) > 0)
		n += (size_t)got;
	close(fd);
	if (n < PAGE_BYTES || memcmp(reply, "HTTP/1.0 200", 12) ||
	    memcmp(reply + n - PAGE_BYTES, pages.memory + page * PAGE_BYTES, PAGE_BYTES))
		app_fail("a reply differs from the page", 0);
}

static void measure(const struct app_options *options, enum way way)
{
	static struct series s;
	int listener = listen_here();
	pid_t child = fork();
	char name[64];

	if (child < 0)
		app_fail("fork", errno);
	if (!child)
		server(way, listener);
	close(listener);
	s = (struct series){ .batches = options->batches,
			     .iterations = options->quick ? 40 : 500 };
	SERIES_RUN(s.ticks, s.batches, s.iterations, request((unsigned int)(i % PAGES_N)));
	memset(s.empty, 0, sizeof(s.empty));
	snprintf(name, sizeof(name), "sthread.http.%s", names[way]);
	series_print(name, &s);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

void bench_server(const struct app_options *options)
{
	struct rng rng;
	size_t i;

	if (!app_wanted(options, "http"))
		return;
	app_must(tag_new(&pages, PAGES_BYTES), "tag_new");
	app_must(tag_new(&connections, (sizeof(*connection) + PAGE - 1) & ~(PAGE - 1)), "tag_new");
	connection = smalloc(&connections, sizeof(*connection));
	rng_init(&rng, options->seed, 1);
	for (i = 0; i < PAGES_BYTES; i++)
		pages.memory[i] = (char)('a' + rng_below(&rng, 26));
	policy = (struct sthread_policy){
		.tags = { { &pages, false, false }, { &connections, true, true } },
		.n_tags = 2,
		.calls = { SYS_read, SYS_write },
		.n_calls = 2,
	};
	measure(options, DIRECT);
	measure(options, CHILD);
	measure(options, COMPARTMENT);
}
