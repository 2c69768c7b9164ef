/* SPDX-License-Identifier: MIT */
/* A first-in first-out queue of tasks through links in the tasks themselves. */
#ifndef RT_QUEUE_H
#define RT_QUEUE_H

#include "policy.h"

/* A ring with the queue itself between last and first: no end is another case. */
struct rt_queue {
	struct rt_link ends; /* next: the first, prev: the last; itself if it is empty */
};

/* Of zeroed memory; by init() of a policy. */
static inline void rt_queue_init(struct rt_queue *queue)
{
	queue->ends.next = queue->ends.prev = &queue->ends;
}

static inline struct rt_task *rt_queue_task(struct rt_link *link)
{
	return (struct rt_task *)((char *)link - offsetof(struct rt_task, link));
}

static inline bool rt_queue_empty(const struct rt_queue *queue)
{
	return queue->ends.next == &queue->ends;
}

/* Of one that is not empty. */
static inline struct rt_task *rt_queue_first(const struct rt_queue *queue)
{
	return rt_queue_task(queue->ends.next);
}

static inline void rt_queue_insert(struct rt_link *link, struct rt_link *before)
{
	struct rt_link *after = before->prev;

	link->next = before;
	link->prev = after;
	after->next = link;
	before->prev = link;
}

static inline void rt_queue_push(struct rt_queue *queue, struct rt_task *task)
{
	rt_queue_insert(&task->link, &queue->ends);
}

/* To the front: for a task that was interrupted and keeps its turn. */
static inline void rt_queue_push_front(struct rt_queue *queue, struct rt_task *task)
{
	rt_queue_insert(&task->link, queue->ends.next);
}

/* From whichever queue it is in. */
static inline void rt_queue_remove(struct rt_task *task)
{
	task->link.prev->next = task->link.next;
	task->link.next->prev = task->link.prev;
}

static inline struct rt_task *rt_queue_pop(struct rt_queue *queue)
{
	struct rt_link *first = queue->ends.next;

	if (first == &queue->ends)
		return NULL;
	queue->ends.next = first->next;
	first->next->prev = &queue->ends;
	return rt_queue_task(first);
}

/* One goes in and the first comes out: itself, if there is no other. */
static inline struct rt_task *rt_queue_rotate(struct rt_queue *queue, struct rt_task *task)
{
	struct rt_link *first;

	rt_queue_push(queue, task);
	first = queue->ends.next;
	queue->ends.next = first->next;
	first->next->prev = &queue->ends;
	return rt_queue_task(first);
}

/* The home core of a flow: 32 uniform bits spread evenly over any number. */
static inline uint32_t rt_home(const struct rt_task *task, uint32_t cores)
{
	return (uint32_t)(((uint64_t)task->flow * cores) >> 32);
}

#endif
