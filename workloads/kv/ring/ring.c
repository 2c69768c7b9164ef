// SPDX-License-Identifier: MIT
/* Frames in a ring of bytes, and the futex of a reader that sleeps. */
#include "kv/ring/ring.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u

static uint64_t frame_bytes(size_t len)
{
	return RING_FRAME + ((len + RING_FRAME - 1) & ~(uint64_t)(RING_FRAME - 1));
}

/* A position where a frame may begin. */
static uint64_t whole(uint64_t at)
{
	return at & ~(uint64_t)(RING_FRAME - 1);
}

static uint64_t *word_at(const struct ring *ring, uint64_t at)
{
	return (uint64_t *)(ring->data + (at & (ring->bytes - 1)));
}

static void copy_in(struct ring *ring, uint64_t at, const char *from, size_t len)
{
	uint64_t offset = at & (ring->bytes - 1);
	size_t first = len < ring->bytes - offset ? len : ring->bytes - offset;

	memcpy(ring->data + offset, from, first);
	if (len > first)
		memcpy(ring->data, from + first, len - first);
}

static void copy_out(const struct ring *ring, uint64_t at, char *to, size_t len)
{
	uint64_t offset = at & (ring->bytes - 1);
	size_t first = len < ring->bytes - offset ? len : ring->bytes - offset;

	memcpy(to, ring->data + offset, first);
	if (len > first)
		memcpy(to + first, ring->data, len - first);
}

void ring_init_writer(struct ring *ring, struct ring_shared *shared, char *data, uint64_t bytes,
		      bool wakes)
{
	*ring = (struct ring){
		.shared = shared, .data = data, .bytes = bytes, .wakes = wakes,
		.at = whole(__atomic_load_n(&shared->head, __ATOMIC_RELAXED)),
		.other = __atomic_load_n(&shared->tail, __ATOMIC_ACQUIRE),
	};
}

void ring_init_reader(struct ring *ring, struct ring_shared *shared, char *data, uint64_t bytes)
{
	*ring = (struct ring){
		.shared = shared, .data = data, .bytes = bytes,
		.at = whole(__atomic_load_n(&shared->tail, __ATOMIC_RELAXED)),
	};
	ring->other = ring->at;
}

void ring_discard(struct ring *ring)
{
	ring->other = whole(__atomic_load_n(&ring->shared->head, __ATOMIC_ACQUIRE));
	ring->at = ring->other;
	__atomic_store_n(&ring->shared->tail, ring->at, __ATOMIC_RELEASE);
}

void ring_restart(struct ring *ring)
{
	ring->at = ring->other = 0;
	__atomic_store_n(&ring->shared->tail, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&ring->shared->head, 0, __ATOMIC_RELEASE);
}

void ring_wake(struct ring *ring)
{
	/* The head before the look: the reader stores and looks in the other order. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&ring->shared->asleep, __ATOMIC_RELAXED)) {
		__atomic_store_n(&ring->shared->asleep, 0, __ATOMIC_RELAXED);
		syscall(SYS_futex, &ring->shared->asleep, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
}

int ring_send(struct ring *ring, uint64_t tag, const void *data, size_t len)
{
	uint64_t need = frame_bytes(len), *word;

	if (len > ring_message_max(ring))
		return -EMSGSIZE;
	/* A position that makes no sense is as good as none: it is read again. */
	if (ring->at - ring->other > ring->bytes || ring->bytes - (ring->at - ring->other) < need) {
		ring->other = __atomic_load_n(&ring->shared->tail, __ATOMIC_ACQUIRE);
		if (ring->at - ring->other > ring->bytes)
			return -EPROTO;
		if (ring->bytes - (ring->at - ring->other) < need)
			return -EAGAIN;
	}
	word = word_at(ring, ring->at);
	word[0] = len;
	word[1] = tag;
	copy_in(ring, ring->at + RING_FRAME, data, len);
	ring->at += need;
	__atomic_store_n(&ring->shared->head, ring->at, __ATOMIC_RELEASE);
	if (ring->wakes)
		ring_wake(ring);
	return 0;
}

int ring_receive(struct ring *ring, uint64_t *tag, void *to, size_t room, size_t *len)
{
	uint64_t there, size, *word;

	if (ring->other == ring->at) {
		ring->other = __atomic_load_n(&ring->shared->head, __ATOMIC_ACQUIRE);
		if (ring->other == ring->at)
			return -EAGAIN;
	}
	there = ring->other - ring->at;
	if (there > ring->bytes || there % RING_FRAME)
		goto nonsense;
	word = word_at(ring, ring->at);
	/* Once: it may be another the next time. */
	size = __atomic_load_n(&word[0], __ATOMIC_RELAXED);
	if (size > room || size > ring_message_max(ring) || frame_bytes(size) > there)
		goto nonsense;
	*tag = __atomic_load_n(&word[1], __ATOMIC_RELAXED);
	*len = size;
	copy_out(ring, ring->at + RING_FRAME, to, size);
	ring->at += frame_bytes(size);
	__atomic_store_n(&ring->shared->tail, ring->at, __ATOMIC_RELEASE);
	return 0;
nonsense:
	ring_discard(ring);
	return -EPROTO;
}

void ring_sleep(struct ring *ring, uint64_t most_ns)
{
	const struct timespec most = { .tv_sec = (time_t)(most_ns / 1000000000u),
				       .tv_nsec = (long)(most_ns % 1000000000u) };
	uint32_t *asleep = &ring->shared->asleep;

	__atomic_store_n(asleep, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&ring->shared->head, __ATOMIC_RELAXED) == ring->at &&
	    __atomic_load_n(&ring->shared->session, __ATOMIC_RELAXED) == ring->session)
		syscall(SYS_futex, asleep, FUTEX_WAIT, 1, &most, NULL, 0);
	__atomic_store_n(asleep, 0, __ATOMIC_RELAXED);
}

void ring_prefault(void *memory, size_t size)
{
	char *at = memory;
	size_t i;

	for (i = 0; i < size; i += PAGE)
		__atomic_fetch_or(at + i, 0, __ATOMIC_RELAXED);
	if (size)
		__atomic_fetch_or(at + size - 1, 0, __ATOMIC_RELAXED);
}
