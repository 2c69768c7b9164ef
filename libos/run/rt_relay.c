// SPDX-License-Identifier: MIT
/* The shared memory of a run, and its output on this process's descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rt_relay.h"

#define STUCK_TURNS 20 /* then a cell that was begun counts as lost */

static struct rt_shared *map(int fd)
{
	struct rt_shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED,
					fd, 0);

	return shared == MAP_FAILED ? NULL : shared;
}

int shared_create(const struct run_state *run, struct rt_shared **shared)
{
	int fd = memfd_create("dune-rt-shared", 0), error;
	unsigned int cpu, n = 0;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, sizeof(**shared)) || !(*shared = map(fd)) ||
	    mlock(*shared, sizeof(**shared))) {
		error = -errno;
		close(fd);
		return error;
	}
	for (cpu = cores_next(&run->cores, 0); cpu < CORES_MAX && n < RT_CORES_MAX;
	     cpu = cores_next(&run->cores, cpu + 1))
		(*shared)->cpu[n++] = cpu;
	(*shared)->cores = n;
	(*shared)->version = RT_SHARED_VERSION;
	(*shared)->size = sizeof(**shared);
	(*shared)->magic = RT_SHARED_MAGIC;
	return fd;
}

struct rt_shared *shared_open(const struct run_state *run)
{
	struct rt_shared *shared = NULL;
	char path[PATH_ROOM];
	struct stat status;
	int fd = open(state_path(path, run->supervisor, "shared"),
		      O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return NULL;
	/* It is a link to a descriptor of the supervisor, or of who has its number by now. */
	if (state_alive(run) && !fstat(fd, &status) && (uint64_t)status.st_size >= sizeof(*shared))
		shared = map(fd);
	close(fd);
	if (shared && rt_shared_is(shared, (uint64_t)status.st_size))
		return shared;
	errno = EPROTO;
	return NULL;
}

bool input_claim(const struct run_state *run)
{
	char path[PATH_ROOM];
	int fd = state_private(state_path(path, run->supervisor, "writer"));

	if (fd < 0)
		return false;
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return true; /* the descriptor stays open, as the lock is wanted */
	close(fd);
	return false;
}

/*
 * The same file opened anew: O_NONBLOCK of the one at hand would be that of all who share it. A
 * regular file is always ready; a socket cannot be opened, and is asked each time.
 */
static int own_descriptor(int fd, bool *may_block)
{
	char path[PATH_ROOM];
	struct stat status;
	int own = -1;

	*may_block = false;
	if (fstat(fd, &status) || S_ISREG(status.st_mode) || S_ISSOCK(status.st_mode))
		return fd;
	if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode))
		own = open(path_print(path, "/proc/self/fd/%d", fd),
			   O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	*may_block = own < 0;
	return own < 0 ? fd : own;
}

static void out_start(struct relay_out *out, const struct rt_stream *stream, int fd)
{
	out->fd = own_descriptor(fd, &out->may_block);
	out->own = out->fd != fd;
	rt_reader_start(&out->reader, stream);
}

void relay_start(struct relay *relay, struct rt_shared *shared, int out, int err)
{
	*relay = (struct relay){ .shared = shared };
	out_start(&relay->out[0], &shared->terminal.output[0], out);
	out_start(&relay->out[1], &shared->terminal.output[1], err);
}

/* Whether a reader has waited at one place for too long. */
static bool impatient(struct relay_out *out)
{
	if (out->stuck_at != out->reader.next) {
		out->stuck_at = out->reader.next;
		out->stuck_turns = 0;
	}
	return ++out->stuck_turns > STUCK_TURNS;
}

static ssize_t out_write(const struct relay_out *out)
{
	const char *from = out->text + out->sent;
	size_t n = out->n - out->sent;
	struct pollfd room = { .fd = out->fd, .events = POLLOUT };
	ssize_t done = send(out->fd, from, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (done >= 0 || errno != ENOTSOCK)
		return done;
	if (out->may_block && poll(&room, 1, 0) <= 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(out->fd, from, n);
}

static bool out_turn(struct relay *relay, int i)
{
	const struct rt_stream *stream = &relay->shared->terminal.output[i];
	struct relay_out *out = &relay->out[i];
	ssize_t n;

	if (out->sent == out->n) {
		out->sent = out->n = 0;
		if (!rt_reader_done(&out->reader, stream))
			out->n = rt_stream_read(stream, &out->reader, out->text, sizeof(out->text),
						relay->last || impatient(out));
		if (!out->n)
			return false;
	}
	n = out_write(out);
	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && errno != EAGAIN)
		out->broken = errno;
	out->sent += n > 0 ? (size_t)n : 0;
	return n > 0;
}

bool relay_turn(struct relay *relay)
{
	bool more = !relay->out[0].broken && out_turn(relay, 0);

	return (!relay->out[1].broken && out_turn(relay, 1)) || more;
}

bool relay_drain(struct relay *relay, int ms, int also)
{
	relay->last = true;
	for (;;) {
		struct pollfd all[] = { { .fd = also, .events = POLLIN }, { .fd = -1 },
					{ .fd = -1 } };
		bool any = false;
		int i;

		while (relay_turn(relay))
			;
		for (i = 0; i < 2; i++) {
			if (relay->out[i].broken || relay->out[i].sent == relay->out[i].n)
				continue;
			all[i + 1] = (struct pollfd){ .fd = relay->out[i].fd, .events = POLLOUT };
			any = true;
		}
		if (!any || poll(all, 3, ms) <= 0)
			return false;
		if (all[0].revents)
			return true;
	}
}

/* What has been overwritten, and what is in memory still. */
static uint64_t out_lost(const struct relay_out *out, const struct rt_stream *stream)
{
	uint64_t lost = out->reader.lost + (out->n - out->sent);

	if (out->reader.begun && !rt_reader_done(&out->reader, stream))
		lost += (uint32_t)((uint32_t)stream->bytes - out->reader.offset);
	return lost;
}

void relay_end(struct relay *relay)
{
	static const char *const names[] = { "output", "errors" };
	int i;

	for (i = 0; i < 2; i++) {
		const struct relay_out *out = &relay->out[i];
		uint64_t lost = out->reader.lost;

		/* Who detaches leaves the rest where it is; who closes his end wants none. */
		if (relay->last && out->broken != EPIPE)
			lost = out_lost(out, &relay->shared->terminal.output[i]);
		if (lost && relay->last && out->broken && out->broken != EPIPE)
			fprintf(stderr, "dune: %" PRIu64 " bytes of %s are lost: %s\n", lost,
				names[i], strerror(out->broken));
		else if (lost)
			fprintf(stderr, "dune: %" PRIu64 " bytes of %s were overwritten unread\n",
				lost, names[i]);
		if (out->own)
			close(out->fd);
	}
}
