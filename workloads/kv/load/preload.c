// SPDX-License-Identifier: MIT
/* Batched sets, one barrier, one look at the statistics. */
#include "kv/load/preload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kv/load/fail.h"
#include "kv/load/plan.h"
#include "kv/load/traffic.h"
#include "kv/ring/file.h"
#include "lib/clock.h"

#define BATCH (256u << 10)
#define PATIENCE_S 60

static int open_socket(const struct load_options *options)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&options->target,
			      sizeof(options->target)))
		fail(FAIL_MEASUREMENT, "cannot connect to the server: %s (is it running on the "
		     "--target port?)", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd;
}

static void send_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			fail(FAIL_MEASUREMENT, "preload: the server takes no more data: %s",
			     strerror(errno));
		data += n;
		len -= (size_t)n;
	}
}

/* Send a command and read until the reply contains `last` at its end. */
static void ask(int fd, const char *command, const char *last, char *reply, size_t size)
{
	size_t len = 0, tail = strlen(last);

	send_all(fd, command, strlen(command));
	do {
		ssize_t n = recv(fd, reply + len, size - 1 - len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			fail(FAIL_MEASUREMENT, "preload: no answer from the server: %s",
			     n ? strerror(errno) : "it closed the connection");
		len += (size_t)n;
		reply[len] = '\0';
	} while (len < size - 1 && (len < tail || strcmp(reply + len - tail, last)));
}

static unsigned long long stat_value(const char *reply, const char *name)
{
	const char *line = strstr(reply, name);

	if (!line)
		fail(FAIL_MEASUREMENT, "preload: the server's statistics lack \"%s\"", name);
	return strtoull(line + strlen(name), NULL, 10);
}

static void send_records(int fd, const struct load_options *options)
{
	size_t text_size = SCHEDULE_VALUE_MAX + SCHEDULE_TEXT_PERIOD, len = 0;
	char *text = malloc(text_size), *batch = malloc(BATCH + PLAN_SET_MAX);
	uint32_t record;

	if (!text || !batch)
		fail(FAIL_MEASUREMENT, "out of memory");
	schedule_text(text, text_size);
	for (record = 0; record < options->spec.records; record++) {
		len += plan_format_set(batch + len, &options->spec, record, text, true);
		if (len >= BATCH) {
			send_all(fd, batch, len);
			len = 0;
		}
	}
	send_all(fd, batch, len);
	free(text);
	free(batch);
}

/* Why the records are not all there, if they are not. */
static void account(const struct load_options *options, unsigned long long items,
		    unsigned long long evictions)
{
	if (items < options->spec.records || evictions)
		fail(FAIL_MEASUREMENT, "preload: the server holds %llu of %u records (%llu "
		     "evicted): give it more memory or use fewer --records",
		     items, options->spec.records, evictions);
	printf("preloaded records=%u items=%llu\n", options->spec.records, items);
}

/* One message through the first pair of rings, and the reply to it as text. */
static void exchange(const struct ring_file *file, struct ring *requests, struct ring *replies,
		     const char *message, size_t len, char *reply, size_t room)
{
	const uint64_t begin = clock_ns();
	unsigned int turn = 0;
	uint64_t tag;
	size_t got;
	int error;

	error = ring_send(requests, ring_tag(file, 0), message, len);
	if (error)
		fail(error == -EMSGSIZE ? FAIL_USAGE : FAIL_MEASUREMENT,
		     "preload: a message of %zu bytes: %s%s", len, strerror(-error),
		     error == -EMSGSIZE ? ": give kv-server a larger --ring-kib" : "");
	do {
		while ((error = ring_receive(replies, &tag, reply, room - 1, &got)) == -EAGAIN)
			if (!(++turn % 4096) &&
			    (!ring_file_served(file) ||
			     clock_ns() - begin > PATIENCE_S * 1000000000ull))
				fail(FAIL_MEASUREMENT, "preload: no answer from the server");
		if (error)
			fail(FAIL_MEASUREMENT, "preload: the server has broken the ring");
	} while (tag != ring_tag(file, 0));
	reply[got] = '\0';
}

static void preload_ring(const struct load_options *options)
{
	size_t text_size = SCHEDULE_VALUE_MAX + SCHEDULE_TEXT_PERIOD;
	char *text = malloc(text_size), *message = malloc(PLAN_SET_MAX);
	static char reply[64 << 10];
	unsigned long long evictions;
	struct ring requests, replies;
	struct ring_file file;
	uint32_t record;
	int error = ring_file_open(&file, options->ring);

	if (!text || !message)
		fail(FAIL_MEASUREMENT, "out of memory");
	if (error)
		fail(FAIL_MEASUREMENT, "--ring %s: %s", options->ring, rings_explain(error));
	schedule_text(text, text_size);
	error = ring_file_use(&file, 0, &requests, &replies);
	if (error)
		fail(FAIL_MEASUREMENT, "--ring %s: %s", options->ring, rings_explain(error));
	exchange(&file, &requests, &replies, "stats\r\n", 7, reply, sizeof(reply));
	evictions = stat_value(reply, "STAT evictions ");
	for (record = 0; record < options->spec.records; record++) {
		size_t len = plan_format_set(message, &options->spec, record, text, false);

		exchange(&file, &requests, &replies, message, len, reply, sizeof(reply));
		if (strcmp(reply, "STORED\r\n"))
			fail(FAIL_MEASUREMENT, "preload: the server refused a record: %.60s",
			     reply);
	}
	exchange(&file, &requests, &replies, "stats\r\n", 7, reply, sizeof(reply));
	ring_file_close(&file);
	free(text);
	free(message);
	account(options, stat_value(reply, "STAT curr_items "),
		stat_value(reply, "STAT evictions ") - evictions);
}

void preload(const struct load_options *options)
{
	static char reply[64 << 10];
	unsigned long long items, evictions;
	int fd;

	if (options->ring) {
		preload_ring(options);
		return;
	}
	fd = open_socket(options);
	ask(fd, "stats\r\n", "END\r\n", reply, sizeof(reply));
	evictions = stat_value(reply, "STAT evictions ");
	send_records(fd, options);
	/* The server answers in order: after this all sets have been worked off. */
	ask(fd, "version\r\n", "\r\n", reply, sizeof(reply));
	if (strncmp(reply, "VERSION ", 8))
		fail(FAIL_MEASUREMENT, "preload: the server refused a record: %.60s", reply);
	ask(fd, "stats\r\n", "END\r\n", reply, sizeof(reply));
	items = stat_value(reply, "STAT curr_items ");
	evictions = stat_value(reply, "STAT evictions ") - evictions;
	close(fd);
	account(options, items, evictions);
}
