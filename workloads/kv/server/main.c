// SPDX-License-Identifier: MIT
/* Starting the server, waiting for the signal to end, ending. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kv/server/front.h"
#include "kv/server/listener.h"
#include "kv/server/mode.h"
#include "kv/server/options.h"
#include "kv/server/udp.h"
#include "kv/server/worker.h"

static struct service service;
static struct listener listener;
static struct worker *workers[SERVICE_THREADS_MAX];
static sem_t started;

static void die(const char *what)
{
	fprintf(stderr, "kv-server: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* Ends are taken by sigwait() in the main thread: no handler ever runs. */
static void block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void make_workers(const struct options *options, int stop_fd)
{
	unsigned int i;

	for (i = 0; i < options->threads; i++) {
		struct worker *worker = calloc(1, sizeof(*worker));

		if (!worker || worker_init(worker, &service, stop_fd))
			die("cannot set up a worker");
		worker->busy_poll = options->busy_poll;
		worker->started = &started;
		if (options->nr_cpus)
			worker->cpu = options->cpu[i];
		service.counters[i] = &worker->counters;
		workers[i] = worker;
	}
	service.nr_threads = options->threads;
}

static void open_sockets(const struct options *options)
{
	unsigned int i;

	service.port = options->port;
	service.udp_port = options->udp_port;
	if (listener_open(&listener, options->listen, &service.port))
		die("cannot listen on the TCP port (in use? choose another with --port)");
	if (listener_start(&listener, workers, options->threads))
		die("cannot prepare for --max-conns connections (lower it, or raise ulimit -n)");
	for (i = 0; options->udp && i < options->threads; i++) {
		struct udp *udp = udp_open(options->listen, &service.udp_port);

		if (!udp || udp_start(udp, workers[i]))
			die("cannot listen on the UDP port (in use? choose another: --udp-port)");
	}
}

static bool start_workers(unsigned int threads)
{
	unsigned int i;
	bool ok = true;

	for (i = 0; i < threads; i++)
		if (worker_start(workers[i]))
			die("cannot start a thread");
	for (i = 0; i < threads; i++)
		sem_wait(&started);
	for (i = 0; i < threads; i++)
		ok = ok && !workers[i]->status;
	return ok;
}

static void stop_workers(unsigned int threads, int stop_fd)
{
	uint64_t one = 1;
	unsigned int i;

	if (write(stop_fd, &one, sizeof(one)) != sizeof(one))
		die("cannot stop the workers");
	for (i = 0; i < threads; i++)
		worker_join(workers[i]);
	listener_close(&listener, &service);
	for (i = 0; i < threads; i++) {
		if (workers[i]->udp)
			udp_close(workers[i]->udp);
		worker_free(workers[i]);
		free(workers[i]);
	}
	close(stop_fd);
}

static struct store *make_store(const struct options *options)
{
	size_t size = options->memory_mib << 20;
	void *reserved = mode_memory(size);

	return reserved ? store_create_in(reserved, size) : store_create(size, options->prefault);
}

static int serve_sockets(const struct options *options, const sigset_t *ends)
{
	int signal_number, stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	bool ok;

	if (stop_fd < 0 || sem_init(&started, 0, 0))
		die("cannot set up");
	make_workers(options, stop_fd);
	open_sockets(options);
	if (options->lock_memory && mlockall(MCL_CURRENT | MCL_FUTURE))
		die("--lock: cannot lock memory (raise ulimit -l, or leave it out)");
	ok = start_workers(options->threads);
	if (ok) {
		printf("ready port=%u udp=%u threads=%u memory=%llu mode=%s\n", service.port,
		       service.udp_port, options->threads, (unsigned long long)options->memory_mib,
		       mode_name[options->mode]);
		fflush(stdout);
		sigwait(ends, &signal_number);
	}
	stop_workers(options->threads, stop_fd);
	return ok ? 0 : 2;
}

static int serve_ring(const struct options *options, const sigset_t *ends)
{
	int signal_number, status;

	front_open(options, &service);
	if (options->lock_memory && mlockall(MCL_CURRENT | MCL_FUTURE))
		die("--lock: cannot lock memory (raise ulimit -l, or leave it out)");
	status = front_start();
	if (!status) {
		printf("ready ring=%s wait=%s threads=%u memory=%llu mode=%s\n", options->ring,
		       options->ring_sleeps ? "sleep" : "spin", options->threads,
		       (unsigned long long)options->memory_mib, mode_name[options->mode]);
		fflush(stdout);
		sigwait(ends, &signal_number);
	}
	front_stop();
	return status ? 2 : 0;
}

int main(int argc, char **argv)
{
	struct options options;
	sigset_t ends;
	int status;

	options_parse(&options, argc, argv);
	block_signals(&ends);
	if (mode_init(options.mode, options.cpus))
		return 2;
	service.max_conns = options.max_conns;
	service.buffer_limit = options.buffer_mib << 20;
	service_start_clock(&service);
	service.store = make_store(&options);
	if (!service.store)
		die("cannot reserve --memory");
	status = options.ring ? serve_ring(&options, &ends) : serve_sockets(&options, &ends);
	store_destroy(service.store);
	return status;
}
