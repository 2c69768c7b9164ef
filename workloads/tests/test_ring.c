// SPDX-License-Identifier: MIT
/* Rings in memory: order, ends, hostile neighbours, two threads; built for ASan and for TSan. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kv/ring/file.h"
#include "lib/clock.h"
#include "lib/rng.h"
#include "tests/check.h"

#define BYTES 1024u
#define MESSAGES 3000u	/* each may be a switch of threads on a busy host */
#define CHAOS 200000u

static struct ring_shared shared;
static char data[BYTES] __attribute__((aligned(16)));

static void begin(struct ring *writer, struct ring *reader, bool wakes)
{
	memset(&shared, 0, sizeof(shared));
	memset(data, 0, sizeof(data));
	ring_init_writer(writer, &shared, data, BYTES, wakes);
	ring_init_reader(reader, &shared, data, BYTES);
}

/* What message n is, so that both sides know: its length and bytes. */
static size_t make(uint64_t n, char *to)
{
	size_t i, len = (size_t)(n * 2654435761u % (BYTES - RING_FRAME + 1));

	for (i = 0; i < len; i++)
		to[i] = (char)(n + i * 7);
	return len;
}

static void check_message(uint64_t n, uint64_t tag, const char *got, size_t len)
{
	char want[BYTES];
	size_t size = make(n, want);

	check(tag == n * 3 && len == size && !memcmp(got, want, len < size ? len : size),
	      "message %lu: tag %lu, %zu bytes", n, tag, len);
}

static void every_length_at_every_place(void)
{
	struct ring writer, reader;
	char out[BYTES], in[BYTES];
	uint64_t n, tag;
	size_t len;

	begin(&writer, &reader, false);
	check(ring_receive(&reader, &tag, in, sizeof(in), &len) == -EAGAIN, "it begins empty");
	for (n = 0; n < 3000; n++) {
		check(!ring_send(&writer, n * 3, out, make(n, out)), "%lu", n);
		check(!ring_receive(&reader, &tag, in, sizeof(in), &len), "%lu", n);
		check_message(n, tag, in, len);
	}
	check(ring_receive(&reader, &tag, in, sizeof(in), &len) == -EAGAIN, "and ends so");
}

static void full_means_later_and_too_long_never(void)
{
	struct ring writer, reader;
	char out[BYTES] = "", in[BYTES];
	uint64_t tag, n = 0;
	size_t len;

	begin(&writer, &reader, false);
	check(ring_send(&writer, 0, out, BYTES - RING_FRAME + 1) == -EMSGSIZE, "longer than it");
	check(!ring_send(&writer, 9, out, BYTES - RING_FRAME), "all of it");
	check(ring_send(&writer, 0, out, 0) == -EAGAIN, "then not even a frame");
	check(!ring_receive(&reader, &tag, in, sizeof(in), &len) && tag == 9 &&
	      len == BYTES - RING_FRAME, "%zu", len);
	while (!ring_send(&writer, n, out, 16))
		n++;
	check(n == BYTES / 32, "%lu frames of 32", n);
	check(!ring_receive(&reader, &tag, in, sizeof(in), &len) && !tag, "the first of them");
	check(!ring_send(&writer, n, out, 16), "has left room for one");
	check(ring_send(&writer, n, out, 16) == -EAGAIN, "and no more");
	ring_discard(&reader);
	check(ring_receive(&reader, &tag, in, sizeof(in), &len) == -EAGAIN, "all thrown away");
}

/* Whatever the other side writes: an error, never a byte beyond (ASan), and it goes on after. */
static void nonsense_is_refused_and_forgotten(void)
{
	static const uint64_t heads[] = { 1, 8, 15, 17, BYTES + 16, BYTES * 2, 1ull << 63,
					  -16ull, -1ull };
	static const uint64_t lengths[] = { 17, BYTES, BYTES - 15, 1ull << 32, 1ull << 63, -1ull,
					    -16ull, -32ull };
	struct ring writer, reader;
	char in[BYTES];
	uint64_t tag;
	unsigned int i;
	size_t len;

	for (i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		begin(&writer, &reader, false);
		shared.head = heads[i];
		check(ring_receive(&reader, &tag, in, sizeof(in), &len) == -EPROTO, "head %u", i);
		ring_init_writer(&writer, &shared, data, BYTES, false);
		check(!ring_send(&writer, 5, "again", 5) &&
		      !ring_receive(&reader, &tag, in, sizeof(in), &len) && tag == 5,
		      "it goes on after head %u", i);
	}
	for (i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		begin(&writer, &reader, false);
		ring_send(&writer, 1, "x", 1);
		memcpy(data, &lengths[i], 8);
		check(ring_receive(&reader, &tag, in, sizeof(in), &len) == -EPROTO, "length %u", i);
	}
	begin(&writer, &reader, false);
	ring_send(&writer, 1, "longer than the reader's room", 29);
	check(ring_receive(&reader, &tag, in, 28, &len) == -EPROTO, "room");
	begin(&writer, &reader, false);
	while (!ring_send(&writer, 1, "x", 1))
		;
	shared.tail = writer.at + 16;
	check(ring_send(&writer, 1, "x", 1) == -EPROTO, "a reader ahead of the writer");
	shared.tail = writer.at;
	check(!ring_send(&writer, 1, "x", 1), "who has come to its senses");
}

/* A neighbour that writes anything anywhere while we read and write. */
static void chaos_stays_in_the_ring(void)
{
	struct rng rng;
	struct ring writer, reader;
	char in[BYTES] = "";
	uint64_t tag;
	unsigned int i;
	size_t len;

	rng_init(&rng, 7, 0);
	begin(&writer, &reader, false);
	for (i = 0; i < CHAOS; i++) {
		uint64_t r = rng_next(&rng), value = rng_next(&rng);

		if (r & 1)
			ring_send(&writer, i, in, r >> 32 & 63);
		if (r & 2)
			memcpy(data + (value & (BYTES - 8)), &value, 8);
		if ((r & 0xfc) == 0)
			shared.head = r & 256 ? value : shared.head + (value & 31);
		if ((r & 0xfc) == 4)
			shared.tail = r & 256 ? value : shared.tail + (value & 31);
		if (ring_receive(&reader, &tag, in, sizeof(in), &len) == 0)
			check(len <= BYTES - RING_FRAME, "%zu", len);
	}
}

static struct ring there, back, here_in, here_out;
static bool sleeps;

/* The other side: what comes goes back. */
static void *echo(void *arg)
{
	uint64_t n, tag;
	char in[BYTES];
	size_t len;

	(void)arg;
	for (n = 0; n < MESSAGES; n++) {
		while (ring_receive(&there, &tag, in, sizeof(in), &len) == -EAGAIN) {
			if (sleeps)
				ring_sleep(&there, 1000000000);
			else
				sched_yield();
		}
		check_message(n, tag, in, len);
		while (ring_send(&back, tag, in, len) == -EAGAIN)
			sched_yield();
	}
	return NULL;
}

static void two_threads(void)
{
	static struct ring_shared shared_back;
	static char data_back[BYTES] __attribute__((aligned(16)));
	uint64_t sent = 0, got = 0, tag;
	char out[BYTES], in[BYTES];
	pthread_t thread;
	size_t len;

	begin(&here_out, &there, sleeps);
	memset(&shared_back, 0, sizeof(shared_back));
	ring_init_writer(&back, &shared_back, data_back, BYTES, false);
	ring_init_reader(&here_in, &shared_back, data_back, BYTES);
	pthread_create(&thread, NULL, echo, NULL);
	while (got < MESSAGES) {
		if (sent < MESSAGES && !ring_send(&here_out, sent * 3, out, make(sent, out)))
			sent++;
		if (!ring_receive(&here_in, &tag, in, sizeof(in), &len))
			check_message(got++, tag, in, len);
		else
			sched_yield();
	}
	pthread_join(thread, NULL);
}

static void two_threads_and_one_sleeps(void)
{
	sleeps = true;
	two_threads();
}

static void a_sleeper_wakes_by_itself(void)
{
	struct ring writer, reader;
	uint64_t begun = clock_ns();

	begin(&writer, &reader, true);
	ring_sleep(&reader, 20000000);
	check(clock_ns() - begun >= 15000000 || shared.asleep == 0, "after its time");
	ring_send(&writer, 0, "x", 1);
	ring_sleep(&reader, 1000000000000);
	check(shared.asleep == 0, "and does not sleep at all when there is something");
}

static void prefault_changes_nothing(void)
{
	char memory[3 * 4096 + 5];
	size_t i;

	for (i = 0; i < sizeof(memory); i++)
		memory[i] = (char)i;
	ring_prefault(memory, sizeof(memory));
	ring_prefault(memory, 0);
	for (i = 0; i < sizeof(memory); i++)
		check(memory[i] == (char)i, "%zu", i);
}

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

static void a_dead_server_is_noticed(void)
{
	struct ring_file server, generator;
	int to[2], status;
	char ready;
	pid_t child;

	check(!pipe(to), "pipe");
	child = fork();
	if (!child) {
		if (ring_file_create(&server, path, 1, 4096, false) || write(to[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	check(read(to[0], &ready, 1) == 1 && !ring_file_open(&generator, path), "alive");
	check(ring_file_served(&generator), "and known to be");
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	check(!ring_file_served(&generator), "dead");
	ring_file_close(&generator);
	check(ring_file_open(&generator, path) == -ENOTCONN, "nobody has it");
	check(!ring_file_create(&server, path, 1, 4096, false), "the next server takes its place");
	ring_file_close(&server);
	close(to[0]);
	close(to[1]);
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
	pause();
	_exit(0);
}

/* Of servers that start on a dead one's file at once, one serves, and generators find that one. */
static void one_of_several_servers(void)
{
	struct ring_file file;
	unsigned int race, i;
	char results[RIVALS + 1];
	pid_t child[RIVALS];
	int go[2], told[2];

	for (race = 0; race < RACES; race++) {
		unsigned int served = 0, refused = 0;

		check(!pipe(go) && !pipe(told), "pipes");
		for (i = 0; i < RIVALS; i++) {
			child[i] = fork();
			if (!child[i])
				rival(go[0], told[1]);
		}
		check(write(go[1], "....", RIVALS) == RIVALS, "go");
		for (i = 0; i < RIVALS; i++) {
			check(read(told[0], &results[i], 1) == 1, "told");
			served += results[i] == 'y';
			refused += results[i] == 'n';
		}
		check(served == 1 && refused == RIVALS - 1, "race %u: %u serve, %u are refused",
		      race, served, refused);
		check(!ring_file_open(&file, path) && ring_file_served(&file),
		      "race %u: its file is there", race);
		ring_file_close(&file);
		for (i = 0; i < RIVALS; i++) {
			kill(child[i], SIGKILL);
			waitpid(child[i], NULL, 0);
		}
		close(go[0]);
		close(go[1]);
		close(told[0]);
		close(told[1]);
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
		{ "every length at every place", every_length_at_every_place },
		{ "full means later, too long never", full_means_later_and_too_long_never },
		{ "nonsense is refused and forgotten", nonsense_is_refused_and_forgotten },
		{ "chaos stays in the ring", chaos_stays_in_the_ring },
		{ "two threads", two_threads },
		{ "two threads, and one sleeps", two_threads_and_one_sleeps },
		{ "a sleeper wakes by itself", a_sleeper_wakes_by_itself },
		{ "prefault changes nothing", prefault_changes_nothing },
		{ "a file has one server and one generator",
		  a_file_has_one_server_and_one_generator },
		{ "files that are something else", files_that_are_something_else },
		{ "a dead server is noticed", a_dead_server_is_noticed },
		{ "one of several servers", one_of_several_servers },
		{ "a file is removed by its server alone", a_file_is_removed_by_its_server_alone },
	};

	snprintf(path, sizeof(path), "/dev/shm/test_ring.%d", getpid());
	return test_main(cases, (int)(sizeof(cases) / sizeof(cases[0])));
}
