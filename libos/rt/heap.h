/* SPDX-License-Identifier: MIT */
/*
 * A priority queue of tasks: least key first, then least seq.
 *
 * It is a leftist heap through links in the tasks: push, pop and remove take
 * O(log n) in the worst case, not only on average, and need no memory.
 */
#ifndef RT_HEAP_H
#define RT_HEAP_H

#include "policy.h"

struct rt_heap {
	struct rt_task *root;
};

static inline bool rt_before(const struct rt_task *a, const struct rt_task *b)
{
	return a->key < b->key || (a->key == b->key && a->seq < b->seq);
}

void rt_heap_push(struct rt_heap *heap, struct rt_task *task);
struct rt_task *rt_heap_pop(struct rt_heap *heap);
void rt_heap_remove(struct rt_heap *heap, struct rt_task *task);

#endif
