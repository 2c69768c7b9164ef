// SPDX-License-Identifier: MIT
/* The sockets of the load generator, and what all transports share. */
#include "kv/load/traffic.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kv/load/check.h"
#include "kv/load/fail.h"
#include "lib/clock.h"

#define EVENTS_PER_POLL 16
/* Room for many small replies per read, beyond the longest reply. */
#define READ_AHEAD (16u << 10)
#define UDP_BUFFER (4 << 20)
#define DATAGRAM_MAX (64u << 10)

static int connect_one(bool udp, const struct sockaddr_in *target)
{
	int one = 1, size = UDP_BUFFER;
	int fd = socket(AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)target, sizeof(*target)))
		fail(FAIL_MEASUREMENT, "cannot connect to the server: %s (is it running on the "
		     "--target port?)", strerror(errno));
	if (udp)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	else
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

void traffic_prepare(struct traffic *traffic, const struct plan *plan, unsigned int channels,
		     size_t in_size)
{
	unsigned int i;

	memset(traffic, 0, sizeof(*traffic));
	traffic->plan = plan;
	traffic->nr_channels = channels;
	traffic->in_size = in_size;
	traffic->epoll_fd = traffic->ring.fd = -1;
	traffic->channel = calloc(channels, sizeof(*traffic->channel));
	traffic->stamp = calloc(plan->count, sizeof(*traffic->stamp));
	traffic->outcome = calloc(plan->count, sizeof(*traffic->outcome));
	if (!traffic->channel || !traffic->stamp || !traffic->outcome)
		fail(FAIL_MEASUREMENT, "out of memory for %llu requests: lower --requests",
		     (unsigned long long)plan->count);
	for (i = 0; i < channels; i++) {
		traffic->channel[i].fd = -1;
		traffic->channel[i].next_tx = traffic->channel[i].next_rx = i;
		traffic->channel[i].in = malloc(in_size);
		if (!traffic->channel[i].in)
			fail(FAIL_MEASUREMENT, "out of memory for %u connections", channels);
	}
}

void traffic_open(struct traffic *traffic, const struct plan *plan, bool udp,
		  const struct sockaddr_in *target, unsigned int connections)
{
	unsigned int i;

	traffic_prepare(traffic, plan, connections,
			plan->reply_max + (udp ? DATAGRAM_MAX : READ_AHEAD));
	traffic->udp = udp;
	traffic->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (i = 0; i < connections; i++) {
		struct channel *channel = &traffic->channel[i];
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };

		channel->fd = connect_one(udp, target);
		if (epoll_ctl(traffic->epoll_fd, EPOLL_CTL_ADD, channel->fd, &event))
			fail(FAIL_MEASUREMENT, "cannot set up %u connections: %s", connections,
			     strerror(errno));
	}
}

void traffic_close(struct traffic *traffic)
{
	unsigned int i;

	for (i = 0; i < traffic->nr_channels; i++) {
		if (traffic->channel[i].fd >= 0)
			close(traffic->channel[i].fd);
		free(traffic->channel[i].in);
	}
	if (traffic->ring.header)
		ring_file_close(&traffic->ring);
	if (traffic->epoll_fd >= 0)
		close(traffic->epoll_fd);
	free(traffic->channel);
	free(traffic->stamp);
	free(traffic->outcome);
}

void traffic_prefault(struct traffic *traffic)
{
	const struct plan *plan = traffic->plan;
	unsigned int i;

	ring_prefault(traffic->stamp, plan->count * sizeof(*traffic->stamp));
	ring_prefault(traffic->outcome, plan->count * sizeof(*traffic->outcome));
	ring_prefault(plan->wire, plan->start[plan->count]);
	ring_prefault(plan->start, plan->count * sizeof(*plan->start));
	ring_prefault(plan->schedule.request, plan->count * sizeof(*plan->schedule.request));
	if (traffic->ring.header) {
		ring_prefault(traffic->ring.header, traffic->ring.size);
		ring_prefault(plan->hit, plan->hit_start[plan->count]);
		ring_prefault(plan->hit_start, plan->count * sizeof(*plan->hit_start));
	}
	for (i = 0; i < traffic->nr_channels; i++)
		ring_prefault(traffic->channel[i].in, traffic->in_size);
}

/* Send what is released on this channel; false when the socket is full. */
static bool channel_send(struct traffic *traffic, struct channel *channel)
{
	if (traffic->ring.header)
		return rings_send(traffic, channel);
	while (channel->next_tx < traffic->released && !traffic->trouble[0]) {
		uint64_t i = channel->next_tx;
		size_t len;
		const char *request = plan_request(traffic->plan, i, &len);
		ssize_t n;

		/* Not before the first byte: a full socket makes a request late, not slow. */
		if (!channel->tx_offset)
			traffic->stamp[i].sent = clock_ns() - traffic->start_ns;
		n = send(channel->fd, request + channel->tx_offset, len - channel->tx_offset,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0) {
			if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)
				return false;
			trouble(traffic, "the server is gone: %s after %llu replies",
				strerror(errno), (unsigned long long)traffic->received);
			return true;
		}
		channel->tx_offset += (size_t)n;
		if (channel->tx_offset < len)
			return false;
		channel->tx_offset = 0;
		channel->next_tx += traffic->nr_channels;
		traffic->handed++;
	}
	return true;
}

void traffic_send_next(struct traffic *traffic)
{
	struct channel *channel = &traffic->channel[traffic->released % traffic->nr_channels];
	/* Something is waiting already: join the queue and let the poll retry. */
	bool queued = channel->next_tx < traffic->released;

	traffic->released++;
	if (!queued && !channel_send(traffic, channel))
		traffic->nr_blocked++;
}

static void retry_blocked(struct traffic *traffic)
{
	unsigned int i, blocked = 0;

	for (i = 0; i < traffic->nr_channels; i++)
		if (!channel_send(traffic, &traffic->channel[i]))
			blocked++;
	traffic->nr_blocked = blocked;
}

void traffic_complete(struct traffic *traffic, uint64_t i, enum verdict verdict, uint64_t now)
{
	traffic->stamp[i].done = now;
	traffic->outcome[i] = (uint8_t)verdict;
	traffic->received++;
	while (traffic->oldest < traffic->released && traffic->stamp[traffic->oldest].done)
		traffic->oldest++;
}

void traffic_wrong(struct traffic *traffic, uint64_t i, const char *in, size_t len)
{
	char shown[41];
	size_t n;

	for (n = 0; n < len && n < sizeof(shown) - 1; n++)
		shown[n] = in[n] >= ' ' && in[n] <= '~' ? in[n] : '.';
	shown[n] = '\0';
	traffic->outcome[i] = CHECK_WRONG;
	trouble(traffic, "wrong reply to request %llu: \"%s\"", (unsigned long long)i, shown);
}

/* Take all whole replies from the channel's buffer. */
static void match_stream(struct traffic *traffic, struct channel *channel, uint64_t now)
{
	size_t at = 0, used;

	while (at < channel->in_len && !traffic->trouble[0]) {
		uint64_t i = channel->next_rx;
		enum verdict verdict;

		if (i >= channel->next_tx) {
			trouble(traffic, "the server sent a reply that nobody asked for");
			return;
		}
		verdict = check_reply(traffic->plan, i, channel->in + at, channel->in_len - at,
				      &used);
		if (verdict == CHECK_MORE)
			break;
		if (verdict == CHECK_WRONG) {
			traffic_wrong(traffic, i, channel->in + at, channel->in_len - at);
			return;
		}
		traffic_complete(traffic, i, verdict, now);
		channel->next_rx += traffic->nr_channels;
		at += used;
	}
	channel->in_len -= at;
	if (channel->in_len && at)
		memmove(channel->in, channel->in + at, channel->in_len);
}

static void receive_stream(struct traffic *traffic, struct channel *channel)
{
	ssize_t n = recv(channel->fd, channel->in + channel->in_len,
			 traffic->in_size - channel->in_len, MSG_DONTWAIT);

	if (n > 0) {
		channel->in_len += (size_t)n;
		match_stream(traffic, channel, clock_ns() - traffic->start_ns);
	} else if (n == 0) {
		trouble(traffic, "the server closed a connection after %llu replies",
			(unsigned long long)traffic->received);
	} else if (errno != EAGAIN && errno != EINTR) {
		trouble(traffic, "the server is gone: %s after %llu replies", strerror(errno),
			(unsigned long long)traffic->received);
	}
}

/* The request of this channel that a 16-bit id means: the latest sent with it. */
static uint64_t request_of(const struct traffic *traffic, const struct channel *channel,
			   unsigned int id)
{
	uint64_t sent = channel->next_tx / traffic->nr_channels;
	uint64_t turn = (sent - 1 - id) & 0xffff;
	unsigned int index = (unsigned int)(channel - traffic->channel);

	if (!sent || turn >= sent)
		return UINT64_MAX;
	return (sent - 1 - turn) * traffic->nr_channels + index;
}

/*
 * Datagrams of a long reply arrive in order on one host; a gap loses the
 * reply, which the end of the run will notice.
 */
static void receive_datagram(struct traffic *traffic, struct channel *channel)
{
	char *to = channel->in + channel->in_len;
	unsigned char *head = (unsigned char *)to;
	unsigned int id, sequence, total;
	ssize_t n = recv(channel->fd, to, traffic->in_size - channel->in_len, MSG_DONTWAIT);
	uint64_t i, now = clock_ns() - traffic->start_ns;
	enum verdict verdict;
	size_t used;

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			trouble(traffic, "the server is gone: %s after %llu replies",
				strerror(errno), (unsigned long long)traffic->received);
		return;
	}
	if (n < (ssize_t)PLAN_UDP_HEADER)
		return;
	id = (unsigned int)head[0] << 8 | head[1];
	sequence = (unsigned int)head[2] << 8 | head[3];
	total = (unsigned int)head[4] << 8 | head[5];
	if (sequence != (channel->in_len ? channel->udp_next : 0) ||
	    (channel->in_len && id != channel->udp_id)) {
		channel->in_len = 0;
		return;
	}
	memmove(to, to + PLAN_UDP_HEADER, (size_t)n - PLAN_UDP_HEADER);
	channel->in_len += (size_t)n - PLAN_UDP_HEADER;
	channel->udp_id = id;
	channel->udp_next = sequence + 1;
	i = request_of(traffic, channel, id);
	if (sequence + 1 < total && channel->in_len <= traffic->plan->reply_max)
		return;
	if (i == UINT64_MAX || traffic->stamp[i].done) {
		channel->in_len = 0;
		return;
	}
	verdict = check_reply(traffic->plan, i, channel->in, channel->in_len, &used);
	if (verdict == CHECK_MORE || verdict == CHECK_WRONG || used != channel->in_len)
		traffic_wrong(traffic, i, channel->in, channel->in_len);
	else
		traffic_complete(traffic, i, verdict, now);
	channel->in_len = 0;
}

static void receive(struct traffic *traffic, struct channel *channel)
{
	if (traffic->udp)
		receive_datagram(traffic, channel);
	else
		receive_stream(traffic, channel);
}

/*
 * The oldest request is the likeliest to be answered next, and asking its
 * socket is the cheapest look. After a look in vain, unless it is the only
 * one outstanding, the next look is at all sockets.
 */
void traffic_poll(struct traffic *traffic)
{
	struct epoll_event event[EVENTS_PER_POLL];
	uint64_t outstanding = traffic_outstanding(traffic), before = traffic->received;
	bool single = (outstanding == 1 && !traffic->nr_blocked) || traffic->nr_channels == 1;
	int i, n;

	if (traffic->nr_blocked)
		retry_blocked(traffic);
	if (!outstanding)
		return;
	if (traffic->ring.header) {
		rings_poll(traffic);
		return;
	}
	if (single || !traffic->guessed) {
		receive(traffic, &traffic->channel[traffic->oldest % traffic->nr_channels]);
		traffic->guessed = traffic->received == before;
		return;
	}
	traffic->guessed = false;
	n = epoll_wait(traffic->epoll_fd, event, EVENTS_PER_POLL, 0);
	for (i = 0; i < n; i++)
		receive(traffic, &traffic->channel[event[i].data.u32]);
}
