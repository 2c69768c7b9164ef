// SPDX-License-Identifier: MIT
/* Sets of CPUs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt_cores.h"

/* As strtoul, but digits only. */
static bool number(const char **at, unsigned long *value)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	*value = strtoul(*at, &end, 10);
	*at = end;
	return true;
}

const char *cores_parse(struct cores *cores, const char *list)
{
	unsigned long first, last;

	memset(cores, 0, sizeof(*cores));
	if (!list[strspn(list, " \n")])
		return NULL;
	for (;; list++) {
		if (!number(&list, &first))
			return "want a list of numbers, as 2-3,5";
		last = first;
		if (*list == '-') {
			list++;
			if (!number(&list, &last))
				return "want a list of numbers, as 2-3,5";
		}
		if (last < first)
			return "a range runs backwards";
		if (last >= CORES_MAX)
			return "no machine has such a core";
		for (; first <= last; first++) {
			if (cores_has(cores, (unsigned int)first))
				return "a core is there twice";
			cores_add(cores, (unsigned int)first);
		}
		if (*list != ',')
			break;
	}
	return list[strspn(list, "\n")] ? "want a list of numbers, as 2-3,5" : NULL;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool cores_parse_mask(struct cores *cores, const char *mask)
{
	size_t n = strcspn(mask, "\n");
	unsigned int bit = 0;

	memset(cores, 0, sizeof(*cores));
	if (!n || mask[n + strspn(mask + n, "\n")])
		return false;
	for (; n; n--) {
		int value = digit(mask[n - 1]);

		if (mask[n - 1] == ',')
			continue;
		if (value < 0 || (value && bit >= CORES_MAX))
			return false;
		if (bit < CORES_MAX)
			cores->bits[bit / 64] |= (uint64_t)value << (bit % 64);
		bit += 4;
	}
	return true;
}

char *cores_list(const struct cores *cores, char *to)
{
	unsigned int cpu, last;
	char *at = to;

	*at = 0;
	for (cpu = cores_next(cores, 0); cpu < CORES_MAX; cpu = cores_next(cores, last + 1)) {
		for (last = cpu; cores_has(cores, last + 1); last++)
			;
		at += sprintf(at, at == to ? "%u" : ",%u", cpu);
		if (last > cpu)
			at += sprintf(at, "-%u", last);
	}
	return to;
}

char *cores_mask(const struct cores *cores, char *to)
{
	const uint32_t *words = (const uint32_t *)cores->bits;
	unsigned int n = CORES_MAX / 32;
	char *at = to;

	while (n > 1 && !words[n - 1])
		n--;
	at += sprintf(at, "%x", words[--n]);
	while (n--)
		at += sprintf(at, ",%08x", words[n]);
	return to;
}

unsigned int cores_count(const struct cores *cores)
{
	unsigned int i, n = 0;

	for (i = 0; i < CORES_WORDS; i++)
		n += (unsigned int)__builtin_popcountll(cores->bits[i]);
	return n;
}

unsigned int cores_next(const struct cores *cores, unsigned int from)
{
	while (from < CORES_MAX && !cores_has(cores, from))
		from++;
	return from;
}

struct cores cores_and(const struct cores *a, const struct cores *b)
{
	struct cores both;
	unsigned int i;

	for (i = 0; i < CORES_WORDS; i++)
		both.bits[i] = a->bits[i] & b->bits[i];
	return both;
}

struct cores cores_without(const struct cores *a, const struct cores *b)
{
	struct cores rest;
	unsigned int i;

	for (i = 0; i < CORES_WORDS; i++)
		rest.bits[i] = a->bits[i] & ~b->bits[i];
	return rest;
}

void cores_join(struct cores *to, const struct cores *more)
{
	unsigned int i;

	for (i = 0; i < CORES_WORDS; i++)
		to->bits[i] |= more->bits[i];
}

bool cores_equal(const struct cores *a, const struct cores *b)
{
	return !memcmp(a, b, sizeof(*a));
}
