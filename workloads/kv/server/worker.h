/* SPDX-License-Identifier: MIT */
/*
 * One event loop on one thread: waits for its sockets and serves them.
 *
 * A worker owns its connections and buffers; only the store is shared. The
 * clock is read once per round, not per request.
 */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#include "kv/server/proto.h"

#define WORKER_INPUT (64u << 10)

struct worker;

/* Anything epoll watches; its owner is found by container. */
struct source {
	void (*ready)(struct worker *worker, struct source *source, uint32_t events);
	int fd;
};

struct udp;
struct listener;

struct worker {
	struct proto_context context;
	int epoll_fd;
	bool stopping;
	bool busy_poll;
	int cpu;			/* -1: not pinned */
	struct source stop;		/* eventfd that all workers watch */
	struct listener *listener;	/* NULL but on the first worker */
	struct udp *udp;		/* NULL without UDP */
	struct reply reply;
	struct counters counters;
	pthread_t thread;
	sem_t *started;
	int status;			/* 0: running; else why it could not start */
	char input[WORKER_INPUT];
};

/* 0 or -1 with errno; stop_fd becomes readable when the worker shall end. */
int worker_init(struct worker *worker, struct service *service, int stop_fd);
void worker_free(struct worker *worker);

/* Watch a source that belongs to this worker; any thread may call. */
int worker_watch(struct worker *worker, struct source *source, uint32_t events);
int worker_rewatch(struct worker *worker, struct source *source, uint32_t events);

/* Starts the thread; it posts worker->started once status is known. */
int worker_start(struct worker *worker);
void worker_join(struct worker *worker);

#endif
