// SPDX-License-Identifier: MIT
/* A long list whose elements are replaced here and there: old ones point to new ones. */
#include <gc/gc.h>

#include "apps/gc/gc_app.h"
#include "lib/rng.h"

struct element {
	struct element *next;
	uint64_t *value; /* an object of its own */
};

static struct element *element(uint64_t value, struct element *next)
{
	struct element *e = GC_MALLOC(sizeof(*e));

	program_expect(e, "memory");
	e->value = GC_MALLOC_ATOMIC(4 * sizeof(uint64_t));
	program_expect(e->value, "memory");
	*e->value = value;
	e->next = next;
	return e;
}

uint64_t program_list(unsigned int size)
{
	const unsigned int n = 10000 * size, rounds = 12;
	struct element *head = NULL, *at;
	uint64_t sum = 0, number = 0;
	unsigned int i, r;
	struct rng rng;

	rng_init(&rng, 1, 3);
	for (i = 0; i < n; i++)
		head = element(number++, head);
	for (r = 0; r < rounds; r++) {
		for (at = head; at->next; at = at->next) {
			uint64_t what = rng_below(&rng, 8);

			if (what == 0) /* another in its place */
				at->next = element(number++, at->next->next);
			else if (what == 1)
				*at->value += r;
			else if (what == 2) /* one that nobody keeps */
				sum += *element(number++, at)->value;
		}
	}
	for (i = 0, at = head; at; at = at->next, i++)
		sum = sum * 31 + *at->value;
	program_expect(i == n, "the list is as long as it was");
	return sum;
}
