/* SPDX-License-Identifier: MIT */
/* Streams of bytes through shared memory: writing never waits, reading believes nothing. */
#ifndef RT_TERMINAL_H
#define RT_TERMINAL_H

#include "shared.h"

/*
 * Append n bytes. By any thread, at any time; what is written in one call stays
 * together if it is shorter than a quarter of the ring.
 */
void rt_stream_write(struct rt_stream *stream, const void *data, size_t n);

/* One reader's place in a stream. */
struct rt_reader {
	uint64_t next;	 /* cell */
	uint32_t offset; /* of the byte that comes next, modulo 2^32 */
	bool begun;	 /* offset is known */
	uint64_t lost;	 /* bytes that were overwritten before this reader saw them */
};

/* From the oldest that is still there, or only what is written from now on. */
void rt_reader_start(struct rt_reader *reader, const struct rt_stream *stream);
void rt_reader_start_new(struct rt_reader *reader, const struct rt_stream *stream);

/*
 * Up to n bytes (at least RT_CELL_BYTES) of what is whole: how many, 0 if nothing
 * is. impatient: pass over a cell that its writer has begun and not finished.
 */
size_t rt_stream_read(const struct rt_stream *stream, struct rt_reader *reader, void *to, size_t n,
		      bool impatient);

/* Whether everything that was written before the call has been read. */
bool rt_reader_done(const struct rt_reader *reader, const struct rt_stream *stream);

/* What fits of n bytes: how many. One writer, one taker. */
size_t rt_input_write(struct rt_input *input, const void *data, size_t n);
size_t rt_input_take(struct rt_input *input, void *to, size_t n);

#endif
