/* SPDX-License-Identifier: MIT */
/* The server's command line. */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

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
	bool busy_poll, prefault, lock_memory, dune;
};

/* Exits with status 2 and a message when the command line makes no sense. */
void options_parse(struct options *options, int argc, char **argv);

#endif
