// SPDX-License-Identifier: MIT
/* A core's loop between its two rings, and starting and ending it. */
#include "kv/server/front.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kv/ring/file.h"
#include "kv/server/proto.h"

#define CLOCK_TURNS 64		/* requests, or looks in vain, between looks at the clock */
#define SLEEP_NS 100000000	/* at most: then it looks whether to end */
#define FULL_NS 100000		/* between looks whether a generator has taken replies */

struct core {
	struct proto_context context;
	struct ring requests, replies;
	struct reply reply;
	struct counters counters;
	uint64_t refused;	/* what made no sense in the ring */
	int cpu;
	int status;
	char *input;
	size_t room;
	pthread_t thread;
};

static struct {
	struct ring_file file;
	struct core *core;
	unsigned int nr_cores;
	bool rt, sleeps;
	int priority;
	bool stopping;		/* atomic */
	sem_t started;
	struct mode_exits before;
} front;

static bool stopping(void)
{
	return __atomic_load_n(&front.stopping, __ATOMIC_RELAXED);
}

/* Another generator has come: the rings are its own. */
static bool renewed(struct core *core)
{
	if (!ring_file_awaited(&core->requests))
		return false;
	ring_file_renew(&core->requests, &core->replies);
	return true;
}

static void wait_for_room(void)
{
	if (front.sleeps)
		nanosleep(&(const struct timespec){ .tv_nsec = FULL_NS }, NULL);
	else
		__builtin_ia32_pause();
}

/*
 * A generator that takes no replies stops only itself: whoever ends the server ends this wait,
 * and so does the next generator.
 */
static void answer(struct core *core, uint64_t tag)
{
	static const char too_long[] = "SERVER_ERROR object too large for the ring\r\n";
	const char *text = core->reply.data;
	size_t len = core->reply.len;
	int error;

	if (core->reply.failed || len > ring_message_max(&core->replies)) {
		text = too_long;
		len = sizeof(too_long) - 1;
	}
	while ((error = ring_send(&core->replies, tag, text, len)) == -EAGAIN && !stopping()) {
		if (renewed(core))
			return;
		wait_for_room();
	}
	count_add(&core->counters, bytes_written, len);
	core->refused += error == -EPROTO;
}

/* A message is one or more whole requests; what is left of one after them is dropped. */
static void serve(struct core *core, uint64_t tag, size_t len)
{
	struct proto proto = { 0 };
	size_t done = 0, used;

	count_add(&core->counters, bytes_read, len);
	do {
		used = proto_run(&proto, &core->context, core->input + done, len - done,
				 &core->reply);
		done += used;
	} while (used && done < len && !proto.closing &&
		 core->reply.len <= ring_message_max(&core->replies));
	if (core->reply.len || core->reply.failed)
		answer(core, tag);
	reply_reset(&core->reply);
}

static void loop(struct core *core)
{
	unsigned int turn = 0;
	uint64_t tag;
	size_t len;
	int error;

	while (!stopping()) {
		if (!(turn++ % CLOCK_TURNS)) {
			core->context.now = service_now(core->context.service);
			renewed(core);
		}
		error = ring_receive(&core->requests, &tag, core->input, core->room, &len);
		if (!error)
			serve(core, tag, len);
		else if (error == -EPROTO)
			core->refused++;
		else if (renewed(core))
			continue;
		else if (front.sleeps)
			ring_sleep(&core->requests, SLEEP_NS);
		else
			__builtin_ia32_pause();
	}
}

/* Everything the loop touches is there before it begins, in the VM, too. */
static void prefault(struct core *core)
{
	ring_prefault(core->input, core->room);
	ring_prefault(core->requests.shared, (size_t)(core->requests.data -
						      (char *)core->requests.shared) +
					     core->requests.bytes);
	ring_prefault(core->replies.shared, (size_t)(core->replies.data -
						     (char *)core->replies.shared) +
					    core->replies.bytes);
	if (reply_room(&core->reply, core->room))
		ring_prefault(core->reply.data, core->reply.capacity);
	store_prefault(core->context.service->store);
	core->context.now = service_now(core->context.service);
}

static void *run(void *arg)
{
	struct core *core = arg;

	core->status = mode_enter();
	if (!core->status)
		prefault(core);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	sem_post(&front.started);
	if (core->status)
		return NULL;
	loop(core);
	mode_leave();
	return NULL;
}

static void die(const char *what, const char *path, int error)
{
	fprintf(stderr, "kv-server: --ring %s: %s: %s%s\n", path, what, strerror(error),
		error == EBUSY ? " (another server has it)" :
		error == EEXIST ? " (it is no ring: choose another name)" :
		error == EOPNOTSUPP ? " (choose a name in /dev/shm)" : "");
	exit(2);
}

void front_open(const struct options *options, struct service *service)
{
	unsigned int i;
	int error;

	front.rt = options->mode == MODE_RT;
	front.sleeps = options->ring_sleeps;
	front.priority = options->priority;
	front.nr_cores = options->threads;
	front.core = aligned_alloc(128, front.nr_cores * ((sizeof(*front.core) + 127) / 128 * 128));
	error = ring_file_create(&front.file, options->ring, front.nr_cores,
				 options->ring_kib << 10, front.sleeps);
	if (error || !front.core || sem_init(&front.started, 0, 0))
		die("cannot make it", options->ring, error ? -error : errno);
	memset(front.core, 0, front.nr_cores * sizeof(*front.core));
	for (i = 0; i < front.nr_cores; i++) {
		struct core *core = &front.core[i];

		ring_file_serve(&front.file, i, &core->requests, &core->replies);
		core->context = (struct proto_context){ service, &core->counters,
							SERVICE_FIRST_SECOND };
		core->cpu = options->nr_cpus ? options->cpu[i] : -1;
		core->room = ring_message_max(&core->requests);
		core->input = malloc(core->room);
		if (!core->input)
			die("no memory", options->ring, ENOMEM);
		service->counters[i] = &core->counters;
	}
	service->nr_threads = front.nr_cores;
}

static int thread_start(struct core *core)
{
	const struct sched_param param = { .sched_priority = front.priority };
	pthread_attr_t attr;
	cpu_set_t set;
	int error;

	pthread_attr_init(&attr);
	if (core->cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET((size_t)core->cpu, &set);
		pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	}
	if (front.priority) {
		pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
		pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
		pthread_attr_setschedparam(&attr, &param);
	}
	error = pthread_create(&core->thread, &attr, run, core);
	pthread_attr_destroy(&attr);
	if (error)
		fprintf(stderr, "kv-server: no thread on CPU %d with priority %d: %s\n", core->cpu,
			front.priority, strerror(error));
	return error ? -1 : 0;
}

int front_start(void)
{
	unsigned int i;
	int status = 0;

	for (i = 0; i < front.nr_cores; i++)
		if (front.rt ? mode_spawn(run, &front.core[i], i) : thread_start(&front.core[i]))
			exit(2);
	for (i = 0; i < front.nr_cores; i++)
		sem_wait(&front.started);
	for (i = 0; i < front.nr_cores; i++)
		status |= front.core[i].status;
	front.before = mode_exits();
	return status ? -1 : 0;
}

void front_stop(void)
{
	struct mode_exits after = mode_exits();
	uint64_t requests = 0, refused = 0;
	unsigned int i;

	__atomic_store_n(&front.stopping, true, __ATOMIC_RELAXED);
	for (i = 0; i < front.nr_cores && !front.rt; i++)
		pthread_join(front.core[i].thread, NULL);
	if (front.rt)
		mode_wait();
	for (i = 0; i < front.nr_cores; i++) {
		requests += front.core[i].counters.cmd_get + front.core[i].counters.cmd_set;
		refused += front.core[i].refused;
		reply_free(&front.core[i].reply);
		free(front.core[i].input);
	}
	printf("served requests=%" PRIu64 " refused=%" PRIu64 " entries=%" PRIu64
	       " syscalls=%" PRIu64 " faults=%" PRIu64 " interrupts=%" PRIu64 "\n",
	       requests, refused, after.entries - front.before.entries,
	       after.syscalls - front.before.syscalls, after.faults - front.before.faults,
	       after.interrupts - front.before.interrupts);
	ring_file_close(&front.file);
	free(front.core);
}
