// SPDX-License-Identifier: MIT
/* Channels: a bounded ring for many senders and receivers without a lock, and the waiting ends. */
#include <errno.h>

#include "runtime.h"

#define SLOTS_MAX (1u << 20)

/*
 * A slot's turn says whose it is: at position p, p: free for a sender; p + 1: for the
 * receiver; p + slots: free for the next round.
 */
struct slot {
	uint64_t turn, value;
};

struct rt_channel {
	struct slot *slots;
	uint32_t mask;
	uint32_t closed;
	uint32_t receiving, sending;	/* how many wait; under the wait lock */
	struct rt_waiters receivers, senders;
	uint64_t space[9];
	uint64_t head;			/* where the next is received */
	uint64_t more_space[7];
	uint64_t tail;			/* where the next is sent */
};

_Static_assert(sizeof(struct rt_channel) <= sizeof(struct dune_rt_channel), "it fits");
_Static_assert(sizeof(struct slot) == sizeof(struct dune_rt_slot), "it is one");

static bool push(struct rt_channel *channel, uint64_t value)
{
	uint64_t at = __atomic_load_n(&channel->tail, __ATOMIC_RELAXED), turn;
	struct slot *slot;

	for (;;) {
		slot = &channel->slots[at & channel->mask];
		turn = __atomic_load_n(&slot->turn, __ATOMIC_ACQUIRE);
		if ((int64_t)(turn - at) < 0)
			return false;
		if (turn != at)
			at = __atomic_load_n(&channel->tail, __ATOMIC_RELAXED);
		else if (__atomic_compare_exchange_n(&channel->tail, &at, at + 1, true,
						     __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			break;
	}
	slot->value = value;
	__atomic_store_n(&slot->turn, at + 1, __ATOMIC_SEQ_CST);
	return true;
}

static bool pop(struct rt_channel *channel, uint64_t *value)
{
	uint64_t at = __atomic_load_n(&channel->head, __ATOMIC_RELAXED), turn;
	struct slot *slot;

	for (;;) {
		slot = &channel->slots[at & channel->mask];
		turn = __atomic_load_n(&slot->turn, __ATOMIC_ACQUIRE);
		if ((int64_t)(turn - (at + 1)) < 0)
			return false;
		if (turn != at + 1)
			at = __atomic_load_n(&channel->head, __ATOMIC_RELAXED);
		else if (__atomic_compare_exchange_n(&channel->head, &at, at + 1, true,
						     __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			break;
	}
	*value = slot->value;
	__atomic_store_n(&slot->turn, at + channel->mask + 1, __ATOMIC_SEQ_CST);
	return true;
}

static bool has_some(const struct rt_channel *channel)
{
	return __atomic_load_n(&channel->head, __ATOMIC_SEQ_CST) !=
	       __atomic_load_n(&channel->tail, __ATOMIC_SEQ_CST);
}

static bool has_room(const struct rt_channel *channel)
{
	return __atomic_load_n(&channel->tail, __ATOMIC_SEQ_CST) -
		       __atomic_load_n(&channel->head, __ATOMIC_SEQ_CST) <=
	       channel->mask;
}

/*
 * After each change. Who waits has said so before its last try, so one of both sees the
 * other; and who was woken for a value that was not quite there wakes the next.
 */
static void tell(struct rt_here *here, struct rt_channel *channel)
{
	struct rt_thread *thread;

	if (!(__atomic_load_n(&channel->receiving, __ATOMIC_SEQ_CST) && has_some(channel)) &&
	    !(__atomic_load_n(&channel->sending, __ATOMIC_SEQ_CST) && has_room(channel)))
		return;
	rt_lock(&rt.wait_lock);
	thread = has_some(channel) ? rt_wait_first(&channel->receivers) : NULL;
	if (thread)
		rt_wake(here, thread, 0);
	thread = has_room(channel) ? rt_wait_first(&channel->senders) : NULL;
	if (thread)
		rt_wake(here, thread, 0);
	rt_unlock(&rt.wait_lock);
}

int dune_rt_channel_init(struct dune_rt_channel *public, struct dune_rt_slot *slots, uint32_t n)
{
	struct rt_channel *channel = (struct rt_channel *)public;
	uint32_t i;

	if (!slots || n < 2 || n > SLOTS_MAX || n & (n - 1))
		return -EINVAL;
	*channel = (struct rt_channel){ .slots = (struct slot *)slots, .mask = n - 1 };
	for (i = 0; i < n; i++)
		channel->slots[i].turn = i;
	return 0;
}

static int try_send(struct rt_channel *channel, uint64_t *value)
{
	if (__atomic_load_n(&channel->closed, __ATOMIC_SEQ_CST))
		return -EPIPE;
	return push(channel, *value) ? 0 : -EAGAIN;
}

static int try_recv(struct rt_channel *channel, uint64_t *value)
{
	const bool closed = __atomic_load_n(&channel->closed, __ATOMIC_SEQ_CST);

	if (pop(channel, value))
		return 0;
	return closed ? -EPIPE : -EAGAIN;
}

typedef int (*attempt_call)(struct rt_channel *channel, uint64_t *value);

static int once(struct dune_rt_channel *public, attempt_call attempt, uint64_t *value)
{
	struct rt_channel *channel = (struct rt_channel *)public;
	struct rt_here here;
	int error;

	if (!rt_visit(&here))
		return -ESRCH;
	error = attempt(channel, value);
	if (!error)
		tell(&here, channel);
	rt_leave(&here);
	return error;
}

static int persist(struct dune_rt_channel *public, attempt_call attempt, uint64_t *value)
{
	struct rt_channel *channel = (struct rt_channel *)public;
	const bool sends = attempt == try_send;
	uint32_t *waiting = sends ? &channel->sending : &channel->receiving;
	struct rt_here here;
	int error;

	if (!rt_visit(&here))
		return -EPERM;
	error = rt_may_block(&here);
	if (error)
		goto leave;
	while ((error = attempt(channel, value)) == -EAGAIN) {
		rt_lock(&rt.wait_lock);
		__atomic_fetch_add(waiting, 1, __ATOMIC_SEQ_CST);
		error = attempt(channel, value);
		if (error == -EAGAIN) {
			rt_wait_on(here.me, sends ? &channel->senders : &channel->receivers,
				   RT_WAITS_OTHER);
			rt_block(&here);
			__atomic_fetch_sub(waiting, 1, __ATOMIC_SEQ_CST);
			continue;
		}
		__atomic_fetch_sub(waiting, 1, __ATOMIC_SEQ_CST);
		rt_unlock(&rt.wait_lock);
		break;
	}
	if (!error)
		tell(&here, channel);
leave:
	rt_leave(&here);
	return error;
}

int dune_rt_channel_send(struct dune_rt_channel *channel, uint64_t value)
{
	return persist(channel, try_send, &value);
}

int dune_rt_channel_recv(struct dune_rt_channel *channel, uint64_t *value)
{
	return persist(channel, try_recv, value);
}

int dune_rt_channel_trysend(struct dune_rt_channel *channel, uint64_t value)
{
	return once(channel, try_send, &value);
}

int dune_rt_channel_tryrecv(struct dune_rt_channel *channel, uint64_t *value)
{
	return once(channel, try_recv, value);
}

int dune_rt_channel_close(struct dune_rt_channel *public)
{
	struct rt_channel *channel = (struct rt_channel *)public;
	struct rt_thread *thread;
	struct rt_here here;
	int error;

	if (!rt_visit(&here))
		return -ESRCH;
	rt_lock(&rt.wait_lock);
	error = __atomic_exchange_n(&channel->closed, 1, __ATOMIC_SEQ_CST) ? -EPIPE : 0;
	while ((thread = rt_wait_first(&channel->receivers)))
		rt_wake(&here, thread, 0);
	while ((thread = rt_wait_first(&channel->senders)))
		rt_wake(&here, thread, 0);
	rt_unlock(&rt.wait_lock);
	rt_leave(&here);
	return error;
}
