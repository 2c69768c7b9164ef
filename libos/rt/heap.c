// SPDX-License-Identifier: MIT
/* Merging, and with it pushing, popping and removing, in a leftist heap. */
#include "heap.h"

static uint32_t rank_of(const struct rt_task *task)
{
	return task ? task->rank : 0;
}

/* The shorter spine is always the right one. True if the rank has changed. */
static bool lean_left(struct rt_task *task)
{
	uint32_t rank = task->rank;

	if (rank_of(task->left) < rank_of(task->right)) {
		struct rt_task *left = task->left;

		task->left = task->right;
		task->right = left;
	}
	task->rank = rank_of(task->right) + 1;
	return task->rank != rank;
}

/* Recursion goes down two right spines: at most 2 log2(n) calls. */
static struct rt_task *merge(struct rt_task *a, struct rt_task *b)
{
	if (!a || !b)
		return a ? a : b;
	if (rt_before(b, a)) {
		struct rt_task *first = b;

		b = a;
		a = first;
	}
	a->right = merge(a->right, b);
	a->right->parent = a;
	lean_left(a);
	return a;
}

static void set_root(struct rt_heap *heap, struct rt_task *root)
{
	heap->root = root;
	if (root)
		root->parent = NULL;
}

void rt_heap_push(struct rt_heap *heap, struct rt_task *task)
{
	task->left = NULL;
	task->right = NULL;
	task->rank = 1;
	set_root(heap, merge(heap->root, task));
}

struct rt_task *rt_heap_pop(struct rt_heap *heap)
{
	struct rt_task *task = heap->root;

	if (task)
		set_root(heap, merge(task->left, task->right));
	return task;
}

void rt_heap_remove(struct rt_heap *heap, struct rt_task *task)
{
	struct rt_task *above = task->parent, *rest = merge(task->left, task->right);

	if (!above) {
		set_root(heap, rest);
		return;
	}
	if (rest)
		rest->parent = above;
	if (above->left == task)
		above->left = rest;
	else
		above->right = rest;
	/* Ranks shrink upwards as far as the right spine reaches: at most log2(n). */
	while (above && lean_left(above))
		above = above->parent;
}
