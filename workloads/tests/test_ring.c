// SPDX-License-Identifier: MIT
/* Rings in memory: order, ends, hostile neighbours, two threads; built for ASan and for TSan. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "kv/ring/ring.h"
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
	begin(&writer, &reader, true);
	shared.session = 1;
	begun = clock_ns();
	ring_sleep(&reader, 20000000000);
	check(clock_ns() - begun < 10000000000, "nor when another generator has come before it");
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
	};

	return test_main(cases, (int)(sizeof(cases) / sizeof(cases[0])));
}
