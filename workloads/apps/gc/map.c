// SPDX-License-Identifier: MIT
/* A hash map of strings: inserted, looked up, removed. */
#include <gc/gc.h>
#include <stdio.h>
#include <string.h>

#include "apps/gc/gc_app.h"
#include "lib/fnv.h"
#include "lib/rng.h"

#define BUCKETS 8192u

struct entry {
	struct entry *next;
	char *key;
	uint64_t value;
};

static uint64_t hash(const char *key)
{
	uint64_t h = FNV64_START;

	while (*key)
		h = fnv64_feed(h, (unsigned char)*key++, 1);
	return h;
}

static struct entry **find(struct entry **map, const char *key)
{
	struct entry **at = &map[hash(key) % BUCKETS];

	while (*at && strcmp((*at)->key, key))
		at = &(*at)->next;
	return at;
}

uint64_t program_map(unsigned int size)
{
	struct entry **map = GC_MALLOC(BUCKETS * sizeof(*map)), **at, *entry;
	const unsigned int keys = 12000 * size, steps = 60000 * size;
	uint64_t sum = 0, in = 0, found = 0;
	struct rng rng;
	unsigned int i;

	program_expect(map, "memory");
	rng_init(&rng, 1, 4);
	for (i = 0; i < steps; i++) {
		uint64_t number = rng_below(&rng, keys);
		char key[32];

		sprintf(key, "key-%llu", (unsigned long long)number);
		at = find(map, key);
		if (*at && rng_below(&rng, 3) == 0) {
			*at = (*at)->next;
			in--;
		} else if (*at) {
			program_expect((*at)->value >> 20 == number, "the value is the key's");
			(*at)->value++;
		} else {
			entry = GC_MALLOC(sizeof(*entry));
			program_expect(entry, "memory");
			entry->key = GC_STRDUP(key);
			entry->value = number << 20;
			*at = entry;
			in++;
		}
	}
	for (i = 0; i < BUCKETS; i++)
		for (entry = map[i]; entry; entry = entry->next, found++)
			sum = sum * 31 + entry->value;
	program_expect(found == in, "all entries are there");
	return sum;
}
