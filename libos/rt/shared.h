/* SPDX-License-Identifier: MIT */
/*
 * The memory that an application on reserved cores shares with everybody who looks
 * at it: counters of each core, and its terminal.
 *
 * The application writes it in ring 0 as plain memory, without a system call. Whoever
 * reads it must believe nothing that stands in it: positions and lengths are
 * clamped, and what is odd is loss, never an error. All of it starts as zeroes.
 */
#ifndef RT_SHARED_H
#define RT_SHARED_H

#include "policy.h"

#define RT_SHARED_MAGIC 0x746e4c61526e7544ull
#define RT_SHARED_VERSION 1u

/* What a core's runtime counts, by that core only: name, what it is. */
#define RT_COUNTERS(X)                                             \
	X(dispatches, "tasks put on the core")                     \
	X(preemptions, "tasks taken off before they were done")    \
	X(interrupts, "interrupts of its timer or of other cores") \
	X(wakeups, "tasks made ready")                             \
	X(steals, "tasks taken from another core")                 \
	X(timers, "timers that expired")                           \
	X(late_ns, "longest that a timer came late")               \
	X(idle_ns, "time without a task")

struct rt_core_counters {
	uint64_t running; /* 0: no runtime on this core (yet) */
#define RT_COUNTER_FIELD(name, text) uint64_t name;
	RT_COUNTERS(RT_COUNTER_FIELD)
#undef RT_COUNTER_FIELD
} __attribute__((aligned(2 * RT_LINE)));

/*
 * A stream of bytes in cells. Writers take cells by adding to head, which is all
 * they share: nobody waits for anybody, and the oldest is overwritten. stamp is
 * 2 * position + 1 while a cell is written, + 2 when it is whole, so a reader, who
 * has a position of its own, knows whether it saw what it wanted.
 */
#define RT_CELLS 2048u
#define RT_CELL_BYTES 48u

struct rt_cell {
	uint64_t stamp;
	uint32_t offset; /* of its first byte in the stream, modulo 2^32 */
	uint32_t bytes;
	uint64_t data[RT_CELL_BYTES / 8];
};

struct rt_stream {
	uint64_t head __attribute__((aligned(2 * RT_LINE))); /* cells taken so far */
	uint64_t bytes;	  /* given to write so far */
	uint64_t dropped; /* bytes that met a cell which another writer is still at */
	struct rt_cell cells[RT_CELLS];
};

/* What one terminal types, until the supervisor passes it on. */
#define RT_INPUT_BYTES 4096u

struct rt_input {
	uint64_t head __attribute__((aligned(2 * RT_LINE))); /* bytes written */
	uint64_t tail __attribute__((aligned(2 * RT_LINE))); /* bytes taken */
	uint32_t ended; /* there will be no more */
	char data[RT_INPUT_BYTES] __attribute__((aligned(RT_LINE)));
};

enum { RT_STDIN, RT_STDOUT, RT_STDERR, RT_STREAMS };

struct rt_terminal {
	uint32_t rows, columns; /* 0: nobody has attached a window */
	uint32_t resizes;	/* times that these changed */
	uint32_t on;		/* the streams below are in use */
	/* What descriptors 0 to 2 are underneath: that is how a program knows them again. */
	struct {
		uint64_t device, inode;
	} files[RT_STREAMS];
	struct rt_input input;
	struct rt_stream output[2]; /* stdout, stderr */
};

struct rt_shared {
	uint64_t magic;
	uint32_t version;
	uint32_t size; /* of all this */
	uint32_t cores;
	uint32_t cpu[RT_CORES_MAX]; /* Linux's numbers of them, ascending */
	struct rt_core_counters counters[RT_CORES_MAX]; /* in the same order */
	struct rt_terminal terminal;
};

/* Of anything that may be one. */
static inline bool rt_shared_is(const struct rt_shared *shared, uint64_t size)
{
	return size >= sizeof(*shared) && shared->magic == RT_SHARED_MAGIC &&
	       shared->version == RT_SHARED_VERSION && shared->size == sizeof(*shared);
}

#endif
