// SPDX-License-Identifier: MIT
/* The terminal in shared memory, and the arena: nobody waits, and what is lost is counted. */
#include <pthread.h>
#include <stdlib.h>

#include "rt/arena.h"
#include "rt/terminal.h"
#include "tests/check.h"

static struct rt_stream stream;
static char got[1 << 22];

static void fresh(struct rt_reader *reader)
{
	memset(&stream, 0, sizeof(stream));
	rt_reader_start(reader, &stream);
}

static size_t read_all(struct rt_reader *reader, bool impatient)
{
	size_t n = 0, more;

	while ((more = rt_stream_read(&stream, reader, got + n, sizeof(got) - n, impatient)))
		n += more;
	return n;
}

static void test_lines(void)
{
	static const char want[] = "one\ntwo, which is longer than what a cell can hold of it\n";
	struct rt_reader reader;
	size_t n;

	fresh(&reader);
	check(rt_reader_done(&reader, &stream), "a new stream is empty");
	rt_stream_write(&stream, want, 4);
	rt_stream_write(&stream, want + 4, sizeof(want) - 5);
	rt_stream_write(&stream, want, 0);
	check(!rt_reader_done(&reader, &stream), "there is something");
	n = read_all(&reader, false);
	check_text(got, n, want);
	check(rt_reader_done(&reader, &stream) && !reader.lost, "lost %lu", reader.lost);
}

/* A reader's buffer holds a cell at least; more never comes than it has room for. */
static void test_small_buffers(void)
{
	struct rt_reader reader;
	char text[1000], buffer[RT_CELL_BYTES + 7], back[1000];
	size_t i, n = 0, part;

	fresh(&reader);
	for (i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	rt_stream_write(&stream, text, sizeof(text));
	while ((part = rt_stream_read(&stream, &reader, buffer, sizeof(buffer), false))) {
		memcpy(back + n, buffer, part);
		n += part;
	}
	check(n == sizeof(text) && !memcmp(text, back, n), "%zu bytes", n);
	rt_stream_write(&stream, text, 5);
	check(!rt_stream_read(&stream, &reader, buffer, RT_CELL_BYTES - 1, false),
	      "a cell has no room in less");
}

/* What is written and what is read and lost add up, for each reader. */
static void test_slow_reader(void)
{
	struct rt_reader quick, slow, late;
	uint64_t written = 0, read = 0, i;
	char line[64];

	fresh(&quick);
	slow = quick;
	for (i = 0; i < 5 * RT_CELLS; i++) {
		int n = snprintf(line, sizeof(line), "line %lu\n", i);

		rt_stream_write(&stream, line, (size_t)n);
		written += (uint64_t)n;
		read += read_all(&quick, false);
	}
	check(read == written && !quick.lost, "the quick one has all: %lu of %lu, lost %lu", read,
	      written, quick.lost);
	read = read_all(&slow, false);
	check(slow.lost && read + slow.lost == written, "%lu read, %lu lost, %lu written", read,
	      slow.lost, written);
	snprintf(line, sizeof(line), "line %lu\n", 4 * (uint64_t)RT_CELLS);
	check(!memcmp(got, line, strlen(line)), "the slow one has the newest");
	rt_reader_start(&late, &stream);
	check(read_all(&late, false) == read && !late.lost, "who comes late has lost nothing");
	rt_reader_start_new(&late, &stream);
	check(!read_all(&late, false), "nothing is new");
	rt_stream_write(&stream, "new", 3);
	read = read_all(&late, false);
	check_text(got, read, "new");
	check(!late.lost, "lost %lu", late.lost);
}

static void test_larger_than_the_ring(void)
{
	size_t n = 3 * RT_CELLS * RT_CELL_BYTES + 11, read;
	struct rt_reader reader;
	char *text = malloc(n);

	memset(text, 'x', n);
	text[n - 1] = 'y';
	fresh(&reader);
	rt_stream_write(&stream, text, n);
	read = read_all(&reader, false);
	check(read + reader.lost == n, "%zu read, %lu lost of %zu", read, reader.lost, n);
	check(got[read - 1] == 'y', "the end is there");
	free(text);
}

/* A writer that is stopped in a cell: others go on, a reader waits, or passes it over. */
static void test_stopped_writer(void)
{
	struct rt_reader reader;
	size_t n;

	fresh(&reader);
	rt_stream_write(&stream, "before ", 7);
	stream.cells[1].stamp = 2 * 1 + 1; /* has begun */
	stream.head++;
	stream.bytes += 9;
	rt_stream_write(&stream, "after", 5);
	n = read_all(&reader, false);
	check_text(got, n, "before ");
	check(!rt_reader_done(&reader, &stream), "there is more");
	n = read_all(&reader, true);
	check_text(got, n, "after");
	check(reader.lost == 9, "lost %lu", reader.lost);
	/* A round later it still is there: what would be there is dropped. */
	while (stream.head < RT_CELLS + 1)
		rt_stream_write(&stream, "x", 1);
	rt_stream_write(&stream, "dropped", 7);
	check(stream.dropped == 7, "dropped %lu", stream.dropped);
	check(stream.cells[1].stamp == 2 * 1 + 1, "the cell is the stopped one's");
}

/* A reader believes nothing: no write outside of its buffer, no end without progress. */
static void test_hostile_memory(void)
{
	struct rt_reader reader;
	uint64_t i;
	size_t n;

	fresh(&reader);
	for (i = 0; i < sizeof(stream) / 8; i++)
		((uint64_t *)&stream)[i] = i * 0x9e3779b97f4a7c15ull;
	n = read_all(&reader, true);
	check(n <= RT_CELLS * RT_CELL_BYTES, "%zu bytes", n);
	for (i = 0; i < RT_CELLS; i++)
		stream.cells[i] = (struct rt_cell){ .stamp = 2 * i + 2, .bytes = ~0u };
	stream.head = RT_CELLS;
	rt_reader_start(&reader, &stream);
	check(!read_all(&reader, true) && rt_reader_done(&reader, &stream), "no cell is so large");
	stream.head = UINT64_MAX;
	read_all(&reader, true);
	stream.head = 3;
	check(!read_all(&reader, true), "backwards");
	check(rt_reader_done(&reader, &stream), "it follows");
}

#define WRITERS 4
#define LINES 20000

static void *writer(void *arg)
{
	unsigned int id = *(unsigned int *)arg, i;
	char line[96];

	for (i = 0; i < LINES; i++)
		rt_stream_write(&stream, line, (size_t)snprintf(line, sizeof(line),
				"%u %08u %060u\n", id, i, i));
	return NULL;
}

/* Each line that arrives is whole and in its writer's order. */
static void test_many_writers(void)
{
	pthread_t threads[WRITERS];
	unsigned int ids[WRITERS], next[WRITERS] = { 0 }, i, torn = 0, order = 0;
	struct rt_reader reader;
	size_t n = 0;
	char *line, *end;

	fresh(&reader);
	for (i = 0; i < WRITERS; i++) {
		ids[i] = i;
		pthread_create(&threads[i], NULL, writer, &ids[i]);
	}
	for (i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	n = read_all(&reader, false);
	/* The first line may have lost its beginning. */
	line = memchr(got, '\n', n) + 1;
	for (; line < got + n; line = end + 1) {
		unsigned int id, number, again;

		end = memchr(line, '\n', (size_t)(got + n - line));
		if (!end)
			break;
		*end = 0;
		if (sscanf(line, "%u %u %u", &id, &number, &again) != 3 || id >= WRITERS ||
		    number != again) {
			torn++;
			continue;
		}
		order += number < next[id];
		next[id] = number + 1;
	}
	check(!torn && !order, "%u torn, %u out of order", torn, order);
	check(stream.bytes == (uint64_t)WRITERS * LINES * 72, "%lu bytes", stream.bytes);
}

static void test_input(void)
{
	static struct rt_input input;
	char text[RT_INPUT_BYTES + 10], back[RT_INPUT_BYTES + 10];
	size_t i;

	memset(text, 'k', sizeof(text));
	check(rt_input_write(&input, text, sizeof(text)) == RT_INPUT_BYTES, "what fits");
	check(!rt_input_write(&input, text, 1), "it is full");
	check(rt_input_take(&input, back, 100) == 100, "some");
	check(rt_input_write(&input, "abc", 3) == 3, "room again");
	check(rt_input_take(&input, back, sizeof(back)) == RT_INPUT_BYTES - 97, "the rest");
	check(!memcmp(back + RT_INPUT_BYTES - 100, "abc", 3), "in order");
	for (i = 0; i < 10000; i++) {
		check(rt_input_write(&input, "0123456", 7) == 7, "round %zu", i);
		check(rt_input_take(&input, back, sizeof(back)) == 7, "round %zu", i);
	}
	input.head = 5;
	input.tail = 7;
	check(!rt_input_take(&input, back, sizeof(back)), "nonsense");
	check(!rt_input_take(&input, back, sizeof(back)), "still");
}

static void test_arena(void)
{
	static char memory[1 << 16] __attribute__((aligned(4096)));
	struct rt_arena arena;
	char *a, *b;

	rt_arena_init(&arena, memory, sizeof(memory));
	rt_arena_touch(&arena);
	a = rt_arena_take(&arena, 10, 1);
	b = rt_arena_take(&arena, 100, 64);
	check(a == memory && b == memory + 64, "aligned");
	check(!rt_arena_take(&arena, sizeof(memory), 1), "too much");
	check(!rt_arena_take(&arena, UINT64_MAX - 100, 1), "far too much");
	check(!rt_arena_take(&arena, 1, 3) && !rt_arena_take(&arena, 1, 0), "no power of two");
	check(!rt_arena_take(&arena, 1, 1ull << 63), "no such place");
	b = rt_arena_take(&arena, sizeof(memory) - 4096, 4096);
	check(b == memory + 4096, "the rest");
	check(!rt_arena_take(&arena, 1, 1), "nothing left");
	check(rt_arena_take(&arena, 0, 1), "nothing is still to be had");
	rt_arena_init(&arena, NULL, 0);
	check(!rt_arena_take(&arena, 1, 1), "an empty one");
}

static const struct test_case cases[] = {
	{ "what is written is read", test_lines },
	{ "small buffers", test_small_buffers },
	{ "a slow reader loses what it is told", test_slow_reader },
	{ "a write larger than the ring", test_larger_than_the_ring },
	{ "a writer that stops in the middle", test_stopped_writer },
	{ "memory that an enemy wrote", test_hostile_memory },
	{ "many writers", test_many_writers },
	{ "input", test_input },
	{ "arena", test_arena },
};

TEST_MAIN(cases)
