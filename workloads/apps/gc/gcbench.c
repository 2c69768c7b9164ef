// SPDX-License-Identifier: MIT
/* Trees, as GCBench has them: one that lives, an array, and many that die, built both ways. */
#include <gc/gc.h>

#include "apps/gc/gc_app.h"

#define ARRAY 100000
#define DEPTH_LEAST 4
#define STEP 2

struct tree {
	struct tree *left, *right;
	uint64_t value;
};

static struct tree *leaf(struct tree *left, struct tree *right)
{
	struct tree *tree = GC_MALLOC(sizeof(*tree));

	program_expect(tree, "memory");
	tree->left = left;
	tree->right = right;
	tree->value = 1;
	return tree;
}

/* Children first. */
static struct tree *up(unsigned int depth)
{
	struct tree *left, *right;

	if (!depth)
		return leaf(NULL, NULL);
	left = up(depth - 1);
	right = up(depth - 1);
	return leaf(left, right);
}

/* Parents first: old objects come to point to new ones. */
static void down(struct tree *tree, unsigned int depth)
{
	if (!depth)
		return;
	tree->left = leaf(NULL, NULL);
	tree->right = leaf(NULL, NULL);
	down(tree->left, depth - 1);
	down(tree->right, depth - 1);
}

static uint64_t count(const struct tree *tree)
{
	return tree ? tree->value + count(tree->left) + count(tree->right) : 0;
}

static uint64_t nodes(unsigned int depth)
{
	return (2ull << depth) - 1;
}

uint64_t program_gcbench(unsigned int size)
{
	unsigned int most = 11 + size, depth, i;
	struct tree *lives = leaf(NULL, NULL), *tree = NULL;
	double *array = GC_MALLOC_ATOMIC(ARRAY * sizeof(*array));
	uint64_t sum = 0;

	down(lives, most);
	for (i = 0; i < ARRAY; i++)
		array[i] = 1.0 / (i + 1);
	for (depth = DEPTH_LEAST; depth <= most; depth += STEP) {
		unsigned int trees = (unsigned int)(2 * nodes(most + 1) / nodes(depth));

		for (i = 0; i < trees; i++) {
			tree = leaf(NULL, NULL);
			down(tree, depth);
			sum += tree->left ? tree->left->value : 0;
			tree = up(depth);
			sum += tree->right->value;
		}
		program_expect(count(tree) == nodes(depth), "the last tree is whole");
	}
	program_expect(count(lives) == nodes(most), "the tree that lives is whole");
	program_expect(array[ARRAY - 1] == 1.0 / ARRAY, "the array is whole");
	return sum;
}
