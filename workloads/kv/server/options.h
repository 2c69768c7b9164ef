/* SPDX-License-Identifier: MIT */
/* The server's command line. */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "kv/server/mode.h"
#include "kv/server/service.h"

struct options {
	struct in_addr listen;
	uint16_t port;
	uint16_t udp_port;
	bool udp;
	unsigned int threads;
	int cpu[SERVICE_THREADS_MAX];
	unsigned int nr_cpus;		/* 0: workers are not pinned */
	uint64_t memory_mib;
	uint64_t buffer_mib;
	uint32_t max_conns;
	bool busy_poll, prefault, lock_memory;
	enum mode mode;
	const char *cpus;		/* as typed; NULL: workers are not pinned */
	const char *ring;		/* path; NULL: sockets */
	uint64_t ring_kib;		/* of each ring; a power of two */
	bool ring_sleeps;
	int priority;			/* SCHED_FIFO's of the ring's threads; 0: none */
};

/* Exits with status 2 and a message when the command line makes no sense. */
void options_parse(struct options *options, int argc, char **argv);

#endif
