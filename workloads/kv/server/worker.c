// SPDX-License-Identifier: MIT
/* The event loop, and the one place where server threads start. */
#include "kv/server/worker.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "kv/server/mode.h"

#define EVENTS_PER_ROUND 64

static void stop_ready(struct worker *worker, struct source *source, uint32_t events)
{
	(void)source;
	(void)events;
	worker->stopping = true;
}

int worker_init(struct worker *worker, struct service *service, int stop_fd)
{
	memset(worker, 0, sizeof(*worker));
	worker->cpu = -1;
	worker->context.service = service;
	worker->context.counters = &worker->counters;
	worker->context.now = SERVICE_FIRST_SECOND;
	worker->stop.ready = stop_ready;
	worker->stop.fd = stop_fd;
	worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (worker->epoll_fd < 0)
		return -1;
	return worker_watch(worker, &worker->stop, EPOLLIN);
}

void worker_free(struct worker *worker)
{
	if (worker->epoll_fd >= 0)
		close(worker->epoll_fd);
	reply_free(&worker->reply);
}

int worker_watch(struct worker *worker, struct source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, source->fd, &event);
}

int worker_rewatch(struct worker *worker, struct source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(worker->epoll_fd, EPOLL_CTL_MOD, source->fd, &event);
}

static int pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return 0;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set)) {
		fprintf(stderr, "kv-server: cannot run on CPU %d: %s\n", cpu, strerror(errno));
		return -1;
	}
	return 0;
}

static void loop(struct worker *worker)
{
	struct epoll_event event[EVENTS_PER_ROUND];
	int timeout = worker->busy_poll ? 0 : -1;

	while (!worker->stopping) {
		int i, n = epoll_wait(worker->epoll_fd, event, EVENTS_PER_ROUND, timeout);

		if (n <= 0)
			continue;
		worker->context.now = service_now(worker->context.service);
		for (i = 0; i < n; i++) {
			struct source *source = event[i].data.ptr;

			source->ready(worker, source, event[i].events);
		}
	}
}

static void *run(void *argument)
{
	struct worker *worker = argument;

	worker->status = pin(worker->cpu) || mode_enter() ? -1 : 0;
	sem_post(worker->started);
	if (worker->status)
		return NULL;
	loop(worker);
	mode_leave();
	return NULL;
}

int worker_start(struct worker *worker)
{
	int error = pthread_create(&worker->thread, NULL, run, worker);

	if (error)
		errno = error;
	return error ? -1 : 0;
}

void worker_join(struct worker *worker)
{
	pthread_join(worker->thread, NULL);
}
