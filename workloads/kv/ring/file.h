/* SPDX-License-Identifier: MIT */
/*
 * The file that server and generator share: for each of the server's cores a ring of requests
 * and one of replies.
 *
 * The server makes it, which has its name once all of it is there, and holds a lock on it for as
 * long as it lives, by which the other side knows. There is one generator at a time: it holds a
 * lock, too, and begins a session on each pair, for which the server begins the rings anew: what
 * one before has left in them, or has spoilt, is gone. A session is a time, which the generator
 * writes and the server repeats. Replies that a server at work still sends to a generator that was
 * killed are told by their tags, which have the number of the generator.
 */
#ifndef RING_FILE_H
#define RING_FILE_H

#include "kv/ring/ring.h"

#define RING_PAIRS_MAX 64u
#define RING_FILE_BYTES (256u << 10)	/* of a ring, unless somebody wants another size */

struct ring_header;

struct ring_file {
	int fd;
	struct ring_header *header;	/* begins the mapping */
	size_t size;			/* of the mapping */
	unsigned int pairs;
	uint64_t bytes;			/* of each ring */
	uint16_t generator;		/* the number of this one among the file's, its low bits */
	char *path;			/* of a server: to be removed */
};

/*
 * Of the server. bytes: a power of two. sleeps: the server sleeps when there is nothing to do.
 * -EBUSY: another server has that file; -EEXIST: it is something else's; -EOPNOTSUPP: a file system
 * without O_TMPFILE; or any errno.
 */
int ring_file_create(struct ring_file *file, const char *path, unsigned int pairs, uint64_t bytes,
		     bool sleeps);

/*
 * Of the generator. -ENOTCONN: no server has it; -EBUSY: another generator; -EPROTO: it is
 * no such file; or any errno.
 */
int ring_file_open(struct ring_file *file, const char *path);

/* Whether its server is alive; a system call. */
bool ring_file_served(const struct ring_file *file);

/* A server's file goes away. */
void ring_file_close(struct ring_file *file);

/* The server's ends of a pair. */
void ring_file_serve(const struct ring_file *file, unsigned int pair, struct ring *requests,
		     struct ring *replies);

/*
 * The generator's, once the server has begun both anew. -ETIMEDOUT: it has not for ten seconds;
 * -ENOTCONN: it is gone.
 */
int ring_file_use(const struct ring_file *file, unsigned int pair, struct ring *requests,
		  struct ring *replies);

/* Of the server, often: whether another generator waits for that. */
static inline bool ring_file_awaited(const struct ring *requests)
{
	return __atomic_load_n(&requests->shared->session, __ATOMIC_ACQUIRE) != requests->session;
}

/* Then this. */
void ring_file_renew(struct ring *requests, struct ring *replies);

/* The tag of a generator's n-th request of a pair; replies carry that of their request. */
static inline uint64_t ring_tag(const struct ring_file *file, uint64_t n)
{
	return (uint64_t)file->generator << 48 | (n & 0xffffffffffffull);
}

#endif
