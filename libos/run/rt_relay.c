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
#include <sys/stat.h>
#include <unistd.h>

#include "rt_relay.h"

#define STUCK_TURNS 20 /* then a cell that was begun counts as lost */
#define AT_ONCE 4096   /* what a pipe that has room takes in one piece */

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
	int fd = open(state_path(path, run->supervisor, "shared"), O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &status) && (uint64_t)status.st_size >= sizeof(*shared))
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

void relay_start(struct relay *relay, struct rt_shared *shared)
{
	int i;

	*relay = (struct relay){ .shared = shared };
	for (i = 0; i < 2; i++)
		rt_reader_start(&relay->readers[i], &shared->terminal.output[i]);
}

/* Whether a reader has waited at one place for too long. */
static bool impatient(struct relay *relay, int i)
{
	struct relay_place *stuck = &relay->stuck[i];

	if (stuck->next != relay->readers[i].next) {
		stuck->next = relay->readers[i].next;
		stuck->turns = 0;
	}
	return ++stuck->turns > STUCK_TURNS;
}

static bool stream_turn(struct relay *relay, int i)
{
	const struct rt_stream *stream = &relay->shared->terminal.output[i];
	struct pollfd room = { .fd = i + 1, .events = POLLOUT };
	char text[AT_ONCE];
	size_t n;

	if (rt_reader_done(&relay->readers[i], stream) || poll(&room, 1, 0) <= 0)
		return false;
	n = rt_stream_read(stream, &relay->readers[i], text, sizeof(text), impatient(relay, i));
	if (n && write(i + 1, text, n) < 0 && errno != EINTR && errno != EAGAIN)
		relay->broken = true;
	return n;
}

bool relay_turn(struct relay *relay)
{
	bool more = stream_turn(relay, 0);

	return stream_turn(relay, 1) || more;
}

void relay_end(const struct relay *relay)
{
	static const char *const names[] = { "output", "errors" };
	int i;

	for (i = 0; i < 2; i++)
		if (relay->readers[i].lost)
			fprintf(stderr, "dune: %" PRIu64 " bytes of %s were overwritten unread\n",
				relay->readers[i].lost, names[i]);
}
