// SPDX-License-Identifier: MIT
/* lighttpd, natively and confined, and a closed loop of clients that look at each byte. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apps/sandbox/sandbox.h"
#include "lib/rng.h"
#include "micro/series.h"

#define WWW SANDBOX_IN "/www"
#define CONFIG SANDBOX_IN "/lighttpd.conf"
#define PORT 8080
#define FILES 16u
#define FILE_BYTES 4096u
#define CLIENTS_MAX 100u
#define TRIES 3000 /* of 10 ms, until it listens */

static const char config[] =
	"server.document-root = \"" WWW "\"\nserver.bind = \"127.0.0.1\"\nserver.port = 8080\n"
	"server.modules = ()\nserver.max-keep-alive-requests = 1000000\n"
	"server.upload-dirs = ( \"" SANDBOX_DIR "/dune\" )\n"
	"mimetype.assign = ( \".html\" => \"text/html\" )\n";

static char content[FILES][FILE_BYTES];

struct client {
	int fd;
	unsigned int file;
	size_t n;
	char reply[FILE_BYTES + 1024];
};

static struct client clients[CLIENTS_MAX];

static void files_make(uint64_t seed)
{
	struct rng rng;
	unsigned int i, k;
	char path[64];

	rng_init(&rng, seed, 8);
	mkdir(WWW, 0755);
	for (i = 0; i < FILES; i++) {
		for (k = 0; k < FILE_BYTES; k++)
			content[i][k] = (char)('a' + rng_below(&rng, 26));
		snprintf(path, sizeof(path), WWW "/%u.html", i);
		app_write(path, content[i], FILE_BYTES);
	}
	app_write(CONFIG, config, sizeof(config) - 1);
}

static pid_t start(bool dune)
{
	char *const argv[] = { "dune", "run", "--policy", SANDBOX_POLICY, "--", "lighttpd", "-D",
			       "-f", CONFIG, NULL };
	pid_t child = fork();

	if (!child) {
		app_pin(1);
		execvp(argv[dune ? 0 : 5], argv + (dune ? 0 : 5));
		_exit(127);
	}
	if (child < 0)
		app_fail("fork", errno);
	return child;
}

static int reach(void)
{
	struct sockaddr_in there = { .sin_family = AF_INET,
				     .sin_port = htons(PORT),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int on = 1, tries, fd;

	for (tries = 0; tries < TRIES; tries++) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			break;
		if (!connect(fd, (struct sockaddr *)&there, sizeof(there))) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
			return fd;
		}
		close(fd);
		usleep(10000);
	}
	app_fail("lighttpd does not listen", errno);
}

static void ask(struct client *c, uint64_t number)
{
	char text[64];
	int n;

	c->file = (unsigned int)(number % FILES);
	c->n = 0;
	n = snprintf(text, sizeof(text), "GET /%u.html HTTP/1.1\r\nHost: lab\r\n\r\n", c->file);
	if (write(c->fd, text, (size_t)n) != n)
		app_fail("a request", errno);
}

/* Whether the reply is whole by now. */
static bool take(struct client *c)
{
	ssize_t got = read(c->fd, c->reply + c->n, sizeof(c->reply) - 1 - c->n);
	char *body;

	if (got <= 0)
		app_fail("a reply", got < 0 ? errno : 0);
	c->n += (size_t)got;
	c->reply[c->n] = 0;
	body = strstr(c->reply, "\r\n\r\n");
	if (!body || c->n < (size_t)(body + 4 - c->reply) + FILE_BYTES)
		return false;
	if (strncmp(c->reply, "HTTP/1.1 200", 12) || memcmp(body + 4, content[c->file], FILE_BYTES))
		app_fail("a reply differs from the file", 0);
	return true;
}

/* Each client has one request on its way. */
static void load(int epoll, unsigned int n_clients, uint64_t requests)
{
	uint64_t sent = 0, done = 0;
	struct epoll_event events[CLIENTS_MAX];
	int n, i;

	for (; sent < n_clients; sent++)
		ask(&clients[sent], sent);
	while (done < requests) {
		n = epoll_wait(epoll, events, CLIENTS_MAX, -1);
		for (i = 0; i < n; i++) {
			struct client *c = events[i].data.ptr;

			if (!take(c))
				continue;
			done++;
			if (sent < requests)
				ask(c, sent++);
		}
	}
}

static void measure(const struct app_options *options, unsigned int n_clients, bool dune)
{
	static struct series s;
	int epoll = epoll_create1(EPOLL_CLOEXEC), status;
	pid_t server = start(dune);
	unsigned int i;
	char name[64];

	for (i = 0; i < n_clients; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = &clients[i] };

		clients[i].fd = reach();
		epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &event);
	}
	s = (struct series){ .batches = options->batches,
			     .iterations = options->quick ? 200 : 3000 };
	/* The first is the warm-up. */
	for (i = 0; i <= s.batches; i++) {
		uint64_t begin = ticks_read();

		load(epoll, n_clients, s.iterations);
		if (i)
			s.ticks[i - 1] = ticks_read() - begin;
	}
	for (i = 0; i < n_clients; i++)
		close(clients[i].fd);
	close(epoll);
	kill(server, SIGTERM);
	if (waitpid(server, &status, 0) != server)
		app_fail("waitpid", errno);
	snprintf(name, sizeof(name), "lighttpd ended with status %#x", status);
	/* 1 says that there were connections still. */
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
		app_fail(name, 0);
	snprintf(name, sizeof(name), "sandbox.lighttpd%u.%s", n_clients, dune ? "dune" : "linux");
	series_print(name, &s);
}

void sandbox_server(const struct app_options *options)
{
	static const unsigned int numbers[] = { 1, CLIENTS_MAX };
	unsigned int i;

	if (!app_wanted(options, "lighttpd"))
		return;
	files_make(options->seed);
	for (i = 0; i < 2; i++) {
		measure(options, numbers[i], false);
		measure(options, numbers[i], true);
	}
}
