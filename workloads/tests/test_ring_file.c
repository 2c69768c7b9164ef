// SPDX-License-Identifier: MIT
/* The file of the rings: one server, one generator, their deaths; built for ASan and for TSan. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kv/ring/file.h"
#include "lib/clock.h"
#include "tests/check.h"

static char path[64];
static struct ring in, out;

/* A server's core, until it has begun its rings anew. */
static void *renews(void *arg)
{
	while (!ring_file_awaited(&in))
		sched_yield();
	ring_file_renew(&in, &out);
	return arg;
}

static int session(struct ring_file *generator, struct ring *requests, struct ring *replies)
{
	pthread_t thread;
	int error;

	pthread_create(&thread, NULL, renews, NULL);
	error = ring_file_use(generator, 1, requests, replies);
	pthread_join(thread, NULL);
	return error;
}

static void a_file_has_one_server_and_one_generator(void)
{
	struct ring_file server, second, generator;
	struct ring requests, replies;
	uint64_t tag;
	char text[64];
	size_t len;

	check(ring_file_open(&generator, path) == -ENOENT, "no file");
	check(ring_file_create(&server, path, 2, 1000, false) == -EINVAL, "no power of two");
	check(ring_file_create(&server, path, 0, 4096, false) == -EINVAL, "no pair");
	check(!ring_file_create(&server, path, 2, 4096, true), "made");
	check(ring_file_create(&second, path, 1, 4096, false) == -EBUSY, "a second server");
	check(!ring_file_open(&generator, path), "opened");
	check(generator.pairs == 2 && generator.bytes == 4096 && ring_file_served(&generator),
	      "%u %lu", generator.pairs, generator.bytes);
	check(ring_file_open(&second, path) == -EBUSY, "a second generator");
	ring_file_serve(&server, 1, &in, &out);
	check(!session(&generator, &requests, &replies), "a session");
	check(requests.wakes && !out.wakes, "the one that sleeps is woken");
	check(!ring_send(&requests, ring_tag(&generator, 4), "ask", 3) &&
	      !ring_receive(&in, &tag, text, sizeof(text), &len) &&
	      tag == ring_tag(&generator, 4) && len == 3, "there");
	check(!ring_send(&out, tag, "answer", 6), "back");
	/* It is killed, and has spoilt what it could; the next one sees nothing of it. */
	ring_send(&requests, ring_tag(&generator, 5), "and so on", 9);
	in.shared->head = out.shared->tail = -16ull;
	in.shared->tail = out.shared->head = 12345;
	ring_file_close(&generator);
	check(!ring_file_open(&generator, path), "the next");
	check(ring_tag(&generator, 4) != tag, "has tags of its own");
	check(!session(&generator, &requests, &replies), "the next session");
	check(ring_receive(&replies, &tag, text, sizeof(text), &len) == -EAGAIN &&
	      ring_receive(&in, &tag, text, sizeof(text), &len) == -EAGAIN, "nothing old");
	check(!ring_send(&requests, 6, "ask", 3) &&
	      !ring_receive(&in, &tag, text, sizeof(text), &len) && tag == 6, "there");
	check(!ring_send(&out, tag, "answer", 6) &&
	      !ring_receive(&replies, &tag, text, sizeof(text), &len) && tag == 6, "and back");
	ring_file_close(&server);
	check(!ring_file_served(&generator), "the server is gone");
	check(ring_file_use(&generator, 1, &requests, &replies) == -ENOTCONN, "and begins nothing");
	ring_file_close(&generator);
	check(access(path, F_OK) != 0, "and its file");
}

static void write_file(const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	check(fd >= 0 && write(fd, bytes, size) == (ssize_t)size, "%s", path);
	close(fd);
}

static void files_that_are_something_else(void)
{
	struct ring_file file;
	uint64_t header[3];
	char kept[4096];
	int fd;

	write_file("a letter to somebody", 20);
	check(ring_file_open(&file, path) == -EPROTO, "no ring");
	check(ring_file_create(&file, path, 1, 4096, false) == -EEXIST && !access(path, F_OK),
	      "and not ours to remove");
	unlink(path);
	/* A header of ours with sizes that are a lie. */
	check(!ring_file_create(&file, path, 1, 4096, false), "made");
	fd = open(path, O_RDONLY);
	check(pread(fd, kept, sizeof(kept), 0) == sizeof(kept), "read");
	close(fd);
	ring_file_close(&file);
	memcpy(header, kept, sizeof(header));
	write_file(kept, sizeof(kept));
	check(ring_file_open(&file, path) == -EPROTO, "shorter than it says");
	header[1] = 1ull << 62;
	memcpy(kept, header, sizeof(header));
	write_file(kept, sizeof(kept));
	check(ring_file_open(&file, path) == -EPROTO, "larger than anything");
	check(!ring_file_create(&file, path, 1, 4096, false), "left by a dead server: made anew");
	ring_file_close(&file);
}

/* A child that is gone when its parent is, and in any case before long. */
static pid_t fork_child(void)
{
	pid_t parent = getpid(), child = fork();

	check(child >= 0, "fork");
	if (!child) {
		alarm(60);
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
			_exit(1);
	}
	return child;
}

static void end_child(pid_t child)
{
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
}

static void a_dead_server_is_noticed(void)
{
	struct ring_file server, generator;
	int to[2];
	char ready;
	pid_t child;

	check(!pipe(to), "pipe");
	child = fork_child();
	if (!child) {
		if (ring_file_create(&server, path, 1, 4096, false) || write(to[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	close(to[1]);
	check(read(to[0], &ready, 1) == 1 && !ring_file_open(&generator, path), "alive");
	check(ring_file_served(&generator), "and known to be");
	end_child(child);
	check(!ring_file_served(&generator), "dead");
	ring_file_close(&generator);
	check(ring_file_open(&generator, path) == -ENOTCONN, "nobody has it");
	check(!ring_file_create(&server, path, 1, 4096, false), "the next server takes its place");
	ring_file_close(&server);
	close(to[0]);
}

#define KILLED 20
#define LONG_TO_MAKE (32u << 20)

/* At any moment: a file has the name when all of it is there, and nothing else is ever left. */
static void a_server_may_be_killed_while_it_makes_one(void)
{
	struct ring_file file;
	unsigned int i;

	for (i = 0; i < KILLED; i++) {
		uint64_t begun = clock_ns();
		pid_t child = fork_child();
		int error;

		if (!child) {
			ring_file_create(&file, path, 1, LONG_TO_MAKE, false);
			pause();
			_exit(0);
		}
		do {
			error = ring_file_open(&file, path);
			ring_file_close(&file);
			check(!error || error == -ENOENT, "half a file after %u ms: %d", i, error);
		} while (clock_ns() - begun < i * 1000000ull);
		end_child(child);
		error = ring_file_create(&file, path, 1, 4096, false);
		check(!error, "after %u ms: %d", i, error);
		ring_file_close(&file);
		unlink(path);
	}
}

#define RIVALS 4
#define RACES 150

/* Makes the file when the pipe says so, and lives until it is killed. */
static void rival(int go, int told)
{
	struct ring_file file;
	char result;
	int error;

	if (read(go, &result, 1) != 1)
		_exit(1);
	error = ring_file_create(&file, path, 1, 4096, false);
	result = !error ? 'y' : error == -EBUSY ? 'n' : '?';
	if (write(told, &result, 1) != 1)
		_exit(1);
	close(told);
	pause();
	_exit(0);
}

/* Of servers that start on a dead one's file at once, one serves, and generators find that one. */
static void one_of_several_servers(void)
{
	struct ring_file file;
	unsigned int race, i;
	pid_t child[RIVALS];
	int go[2], told[2];

	for (race = 0; race < RACES; race++) {
		unsigned int served = 0, refused = 0;

		check(!pipe(go) && !pipe(told), "pipes");
		for (i = 0; i < RIVALS; i++) {
			child[i] = fork_child();
			if (!child[i])
				rival(go[0], told[1]);
		}
		/* Should one end without a word, there is an end to read. */
		close(told[1]);
		check(write(go[1], "....", RIVALS) == RIVALS, "go");
		for (i = 0; i < RIVALS; i++) {
			char result = 0;

			check(read(told[0], &result, 1) == 1, "told");
			served += result == 'y';
			refused += result == 'n';
		}
		check(served == 1 && refused == RIVALS - 1, "race %u: %u serve, %u are refused",
		      race, served, refused);
		check(!ring_file_open(&file, path) && ring_file_served(&file),
		      "race %u: its file is there", race);
		ring_file_close(&file);
		for (i = 0; i < RIVALS; i++)
			end_child(child[i]);
		close(go[0]);
		close(go[1]);
		close(told[0]);
	}
	unlink(path);
}

/* Somebody has removed it, and there is another: that one is not its to remove. */
static void a_file_is_removed_by_its_server_alone(void)
{
	struct ring_file old, new;

	check(!ring_file_create(&old, path, 1, 4096, false), "made");
	check(!unlink(path) && !ring_file_create(&new, path, 1, 4096, false), "made anew");
	ring_file_close(&old);
	check(!access(path, F_OK), "still there");
	ring_file_close(&new);
	check(access(path, F_OK) != 0, "gone");
}

int main(void)
{
	static const struct test_case cases[] = {
		{ "a file has one server and one generator",
		  a_file_has_one_server_and_one_generator },
		{ "files that are something else", files_that_are_something_else },
		{ "a dead server is noticed", a_dead_server_is_noticed },
		{ "a server may be killed while it makes one",
		  a_server_may_be_killed_while_it_makes_one },
		{ "one of several servers", one_of_several_servers },
		{ "a file is removed by its server alone", a_file_is_removed_by_its_server_alone },
	};

	snprintf(path, sizeof(path), "/dev/shm/test_ring_file.%d", getpid());
	return test_main(cases, (int)(sizeof(cases) / sizeof(cases[0])));
}
