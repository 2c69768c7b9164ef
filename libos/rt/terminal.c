// SPDX-License-Identifier: MIT
/* Streams of bytes through shared memory. */
#include "terminal.h"

#define CHUNK (RT_CELLS / 4 * RT_CELL_BYTES)

static void cell_fill(struct rt_cell *cell, const char *data, uint32_t n)
{
	char *to = (char *)cell->data;
	uint32_t i;

	for (i = 0; i + 8 <= n; i += 8)
		__builtin_memcpy(to + i, data + i, 8);
	for (; i < n; i++)
		to[i] = data[i];
}

/* False: it is still another's, who is more than the whole ring behind or ahead. */
static bool cell_write(struct rt_cell *cell, uint64_t at, const char *data, uint32_t n,
		       uint32_t offset)
{
	uint64_t stamp = __atomic_load_n(&cell->stamp, __ATOMIC_RELAXED);

	if (stamp & 1 || stamp > 2 * at ||
	    !__atomic_compare_exchange_n(&cell->stamp, &stamp, 2 * at + 1, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_RELAXED))
		return false;
	cell->offset = offset;
	cell->bytes = n;
	cell_fill(cell, data, n);
	__atomic_store_n(&cell->stamp, 2 * at + 2, __ATOMIC_RELEASE);
	return true;
}

static void chunk_write(struct rt_stream *stream, const char *data, uint64_t n)
{
	uint64_t cells = (n + RT_CELL_BYTES - 1) / RT_CELL_BYTES;
	uint64_t at = __atomic_fetch_add(&stream->head, cells, __ATOMIC_RELAXED);
	uint32_t offset = (uint32_t)__atomic_fetch_add(&stream->bytes, n, __ATOMIC_RELAXED);

	while (n) {
		uint32_t part = n < RT_CELL_BYTES ? (uint32_t)n : RT_CELL_BYTES;

		if (!cell_write(&stream->cells[at % RT_CELLS], at, data, part, offset))
			__atomic_fetch_add(&stream->dropped, part, __ATOMIC_RELAXED);
		data += part;
		offset += part;
		n -= part;
		at++;
	}
}

void rt_stream_write(struct rt_stream *stream, const void *data, size_t n)
{
	const char *at = data;

	while (n) {
		size_t part = n < CHUNK ? n : CHUNK;

		chunk_write(stream, at, part);
		at += part;
		n -= part;
	}
}

void rt_reader_start(struct rt_reader *reader, const struct rt_stream *stream)
{
	uint64_t head = __atomic_load_n(&stream->head, __ATOMIC_ACQUIRE);

	*reader = (struct rt_reader){ .next = head > RT_CELLS ? head - RT_CELLS : 0 };
	reader->begun = !reader->next;
}

void rt_reader_start_new(struct rt_reader *reader, const struct rt_stream *stream)
{
	*reader = (struct rt_reader){ .next = __atomic_load_n(&stream->head, __ATOMIC_ACQUIRE) };
}

enum seen { SEEN_WHOLE, SEEN_PENDING, SEEN_LOST };

static enum seen cell_read(const struct rt_cell *cell, uint64_t at, struct rt_cell *copy)
{
	uint64_t stamp = __atomic_load_n(&cell->stamp, __ATOMIC_ACQUIRE);

	if (stamp < 2 * at + 2)
		return SEEN_PENDING;
	if (stamp > 2 * at + 2)
		return SEEN_LOST;
	*copy = *(const volatile struct rt_cell *)cell;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&cell->stamp, __ATOMIC_RELAXED) != 2 * at + 2)
		return SEEN_LOST;
	return copy->bytes <= RT_CELL_BYTES ? SEEN_WHOLE : SEEN_LOST;
}

size_t rt_stream_read(const struct rt_stream *stream, struct rt_reader *reader, void *to, size_t n,
		      bool impatient)
{
	uint64_t head = __atomic_load_n(&stream->head, __ATOMIC_ACQUIRE);
	char *out = to;
	size_t got = 0;

	if (head < reader->next) /* nobody but a liar goes back */
		reader->next = head;
	if (head - reader->next > RT_CELLS)
		reader->next = head - RT_CELLS;
	for (; reader->next < head && n - got >= RT_CELL_BYTES; reader->next++) {
		struct rt_cell copy;
		enum seen seen;
		uint32_t i;

		seen = cell_read(&stream->cells[reader->next % RT_CELLS], reader->next, &copy);
		if (seen == SEEN_PENDING && !impatient)
			break;
		if (seen != SEEN_WHOLE)
			continue; /* the next whole one's offset tells how much it was */
		if (reader->begun && (int32_t)(copy.offset - reader->offset) > 0)
			reader->lost += copy.offset - reader->offset;
		reader->begun = true;
		reader->offset = copy.offset + copy.bytes;
		for (i = 0; i < copy.bytes; i++)
			out[got++] = ((const char *)copy.data)[i];
	}
	return got;
}

bool rt_reader_done(const struct rt_reader *reader, const struct rt_stream *stream)
{
	return reader->next >= __atomic_load_n(&stream->head, __ATOMIC_ACQUIRE);
}

size_t rt_input_write(struct rt_input *input, const void *data, size_t n)
{
	uint64_t head = input->head, tail = __atomic_load_n(&input->tail, __ATOMIC_ACQUIRE);
	uint64_t room = head - tail > RT_INPUT_BYTES ? 0 : RT_INPUT_BYTES - (head - tail);
	size_t i;

	for (i = 0; i < n && i < room; i++)
		input->data[(head + i) % RT_INPUT_BYTES] = ((const char *)data)[i];
	__atomic_store_n(&input->head, head + i, __ATOMIC_RELEASE);
	return i;
}

size_t rt_input_take(struct rt_input *input, void *to, size_t n)
{
	uint64_t tail = input->tail, head = __atomic_load_n(&input->head, __ATOMIC_ACQUIRE);
	size_t i;

	if (head - tail > RT_INPUT_BYTES)
		tail = head; /* nonsense: start afresh */
	for (i = 0; i < n && tail + i < head; i++)
		((char *)to)[i] = input->data[(tail + i) % RT_INPUT_BYTES];
	__atomic_store_n(&input->tail, tail + i, __ATOMIC_RELEASE);
	return i;
}
