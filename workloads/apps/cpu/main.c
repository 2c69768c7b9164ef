// SPDX-License-Identifier: MIT
/* Programs of our own among those that are confined: a network's arcs and a graph's ways. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/rng.h"

/*
 * A flow network as SPEC's mcf has it: a pass looks at each arc in order and at the
 * two nodes that it joins, which lie anywhere, then goes through all nodes by pointers.
 */
struct node {
	struct node *next;
	int64_t potential, flow;
	uint64_t rest[10]; /* about a hundred bytes */
};

struct arc {
	struct node *tail, *head;
	int64_t cost, flow;
	uint64_t rest[4];
};

/*
 * Whether Linux has large pages for a few megabytes would else depend on where chance
 * (ASLR) puts them, and with that up to four fifths of what a pass takes under nested paging.
 */
#define LARGE_PAGE (2ul << 20)

static void *zeroed(size_t size)
{
	void *memory;

	size = (size + LARGE_PAGE - 1) & -LARGE_PAGE;
	memory = aligned_alloc(LARGE_PAGE, size);
	if (!memory)
		abort();
	return memset(memory, 0, size);
}

static uint64_t network(unsigned int size)
{
	const size_t n = 30000, m = 150000ul * size, passes = 8;
	struct node *nodes = zeroed(n * sizeof(*nodes)), *at;
	struct arc *arcs = zeroed(m * sizeof(*arcs));
	uint32_t *order = malloc(n * sizeof(*order));
	uint64_t sum = 0;
	struct rng rng;
	size_t i, pass;

	rng_init(&rng, 1, 1);
	for (i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	for (i = n - 1; i > 0; i--) {
		size_t other = rng_below(&rng, i);
		uint32_t kept = order[i];

		order[i] = order[other];
		order[other] = kept;
	}
	for (i = 0; i + 1 < n; i++)
		nodes[order[i]].next = &nodes[order[i + 1]];
	for (i = 0; i < m; i++) {
		arcs[i].tail = &nodes[rng_below(&rng, n)];
		arcs[i].head = &nodes[rng_below(&rng, n)];
		arcs[i].cost = 1 + (int64_t)rng_below(&rng, 1000);
	}
	for (pass = 0; pass < passes; pass++) {
		for (i = 0; i < m; i++) {
			struct arc *arc = &arcs[i];
			int64_t reduced = arc->cost - arc->tail->potential + arc->head->potential;

			if (reduced < 0 && arc->flow < 4) {
				arc->flow++;
				arc->tail->flow--;
				arc->head->flow++;
				sum += (uint64_t)-reduced;
			} else if (reduced > 900 && arc->flow) {
				arc->flow--;
				arc->tail->flow++;
				arc->head->flow--;
			}
		}
		for (at = &nodes[order[0]]; at->next; at = at->next) {
			at->next->potential += (at->potential + at->flow) % 64 + 3;
			sum = sum * 31 + (uint64_t)at->potential;
		}
	}
	return sum;
}

/* Shortest ways in a random graph, by a heap of (distance, node). */
#define DEGREE 6

static uint64_t *heap;
static size_t heap_n;

static void heap_put(uint64_t value)
{
	size_t i = heap_n++;

	for (; i && heap[(i - 1) / 2] > value; i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = value;
}

static uint64_t heap_take(void)
{
	uint64_t least = heap[0], last = heap[--heap_n];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < heap_n) {
		child += child + 1 < heap_n && heap[child + 1] < heap[child];
		if (heap[child] >= last)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = last;
	return least;
}

static uint64_t graph(unsigned int size)
{
	size_t n = (size_t)size << 16, edges = n * DEGREE, i;
	uint32_t *to = malloc(edges * 4), *length = malloc(edges * 4), *best = malloc(n * 4);
	uint64_t sum = 0;
	struct rng rng;

	heap = malloc(edges * sizeof(*heap));
	rng_init(&rng, 1, 2);
	for (i = 0; i < edges; i++) {
		to[i] = (uint32_t)rng_below(&rng, n);
		length[i] = 1 + (uint32_t)rng_below(&rng, 1000);
	}
	memset(best, 0xff, n * 4);
	best[0] = 0;
	heap_put(0);
	while (heap_n) {
		uint64_t least = heap_take();
		uint32_t node = (uint32_t)least, distance = (uint32_t)(least >> 32);

		if (distance != best[node])
			continue;
		for (i = (size_t)node * DEGREE; i < (size_t)(node + 1) * DEGREE; i++) {
			if (distance + length[i] < best[to[i]]) {
				best[to[i]] = distance + length[i];
				heap_put((uint64_t)best[to[i]] << 32 | to[i]);
			}
		}
	}
	for (i = 0; i < n; i++)
		sum = sum * 31 + best[i];
	return sum;
}

int main(int argc, char **argv)
{
	unsigned int size = 1;

	if (argc < 2) /* nothing, from start to end */
		return 0;
	if (scanf("%u", &size) != 1 || size < 1 || size > 100)
		return 2;
	if (!strcmp(argv[1], "network"))
		printf("%016llx\n", (unsigned long long)network(size));
	else if (!strcmp(argv[1], "graph"))
		printf("%016llx\n", (unsigned long long)graph(size));
	else
		return 2;
	return 0;
}
