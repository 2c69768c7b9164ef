/* SPDX-License-Identifier: MIT */
/*
 * Messages through shared memory, one writer and one reader a ring.
 *
 * A ring is a power of two of bytes. A message is a frame: 16 bytes that say how long it is
 * and whose, then its bytes, rounded up to 16, over the ring's end if need be. Positions count
 * bytes since the beginning and never go back; each side writes its own, on a cache line of its
 * own, and keeps a copy of the other's, so that it reads that line only when the copy
 * says full or empty.
 *
 * Neither side believes the other: positions and lengths are checked before they are used,
 * and a message is copied before anybody looks into it. (Who may write the file may still cut it
 * short, which is a SIGBUS: it is its owner's alone.) What one has spoilt is not the next one's: a
 * session begins with both sides at zero.
 */
#ifndef RING_RING_H
#define RING_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_FRAME 16u			/* bytes before a message, and what it is rounded to */
#define RING_BYTES_MIN 256u
#define RING_BYTES_MAX (1u << 30)

/* What both sides see of a ring, before its bytes. */
struct ring_shared {
	uint64_t head __attribute__((aligned(128)));	/* the writer's: bytes sent */
	uint64_t session;	/* the writer's: that it has asked for, or begun (file.h) */
	uint64_t tail __attribute__((aligned(128)));	/* the reader's: bytes taken */
	uint32_t asleep __attribute__((aligned(128)));	/* futex: 1 while the reader sleeps */
};

/* One side of a ring. */
struct ring {
	struct ring_shared *shared;
	char *data;
	uint64_t bytes;		/* of data; a power of two */
	uint64_t at;		/* own position */
	uint64_t other;		/* the other's, as last seen */
	uint64_t session;	/* of a server's reader: the one that it serves */
	bool wakes;		/* of a writer: the reader may sleep */
};

/* Bytes of the longest message. */
static inline size_t ring_message_max(const struct ring *ring)
{
	return (size_t)ring->bytes - RING_FRAME;
}

/* Goes on where this side has been before. */
void ring_init_writer(struct ring *ring, struct ring_shared *shared, char *data, uint64_t bytes,
		      bool wakes);
void ring_init_reader(struct ring *ring, struct ring_shared *shared, char *data, uint64_t bytes);

/* Of a reader: forget what has been sent so far. */
void ring_discard(struct ring *ring);

/* Both sides of a ring and this one's copies are at zero; the other side rests meanwhile. */
void ring_restart(struct ring *ring);

/* Of a writer: end the sleep of a reader that sleeps. */
void ring_wake(struct ring *ring);

/*
 * 0; -EAGAIN: there is no room now; -EMSGSIZE: there never is; -EPROTO: the reader's position
 * makes no sense. Wakes a reader that sleeps.
 */
int ring_send(struct ring *ring, uint64_t tag, const void *data, size_t len);

/*
 * The next message: 0, with *tag, *len and a copy in `to'. -EAGAIN: there is none; -EPROTO: what
 * the writer has left makes no sense or is longer than room, and all of it is thrown away.
 */
int ring_receive(struct ring *ring, uint64_t *tag, void *to, size_t room, size_t *len);

/*
 * Of a reader, if its writer wakes: sleep until there is something or another
 * session is asked for, at most so long, or less.
 */
void ring_sleep(struct ring *ring, uint64_t most_ns);

/* Have every page of memory present and writable, here and in a VM; values stay. */
void ring_prefault(void *memory, size_t size);

#endif
