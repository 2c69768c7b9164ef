/* SPDX-License-Identifier: MIT */
/* A first-in first-out queue of tasks through links in the tasks themselves. */
#ifndef RT_QUEUE_H
#define RT_QUEUE_H

#include "policy.h"

struct rt_queue {
	struct rt_task *head, *tail;
};

static inline bool rt_queue_empty(const struct rt_queue *queue)
{
	return !queue->head;
}

static inline void rt_queue_push(struct rt_queue *queue, struct rt_task *task)
{
	task->next = NULL;
	task->prev = queue->tail;
	if (queue->tail)
		queue->tail->next = task;
	else
		queue->head = task;
	queue->tail = task;
}

/* To the front: for a task that was interrupted and keeps its turn. */
static inline void rt_queue_push_front(struct rt_queue *queue, struct rt_task *task)
{
	task->prev = NULL;
	task->next = queue->head;
	if (queue->head)
		queue->head->prev = task;
	else
		queue->tail = task;
	queue->head = task;
}

static inline void rt_queue_remove(struct rt_queue *queue, struct rt_task *task)
{
	if (task->prev)
		task->prev->next = task->next;
	else
		queue->head = task->next;
	if (task->next)
		task->next->prev = task->prev;
	else
		queue->tail = task->prev;
	task->next = NULL;
	task->prev = NULL;
}

static inline struct rt_task *rt_queue_pop(struct rt_queue *queue)
{
	struct rt_task *task = queue->head;

	if (!task)
		return NULL;
	queue->head = task->next;
	if (queue->head)
		queue->head->prev = NULL;
	else
		queue->tail = NULL;
	return task;
}

/* The home core of a flow: 32 uniform bits spread evenly over any number. */
static inline uint32_t rt_home(const struct rt_task *task, uint32_t cores)
{
	return (uint32_t)(((uint64_t)task->flow * cores) >> 32);
}

#endif
