// SPDX-License-Identifier: MIT
/* Numbers with a unit. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rt_units.h"

struct unit {
	const char *name;
	uint64_t times;
};

/* The unit of what follows the number. NULL: there is none such, or no number fits. */
static const struct unit *parse(const char *text, const struct unit *units, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (errno || *text < '0' || *text > '9')
		return NULL;
	for (; units->name; units++)
		if (!strcmp(end, units->name))
			return *value <= UINT64_MAX / 4 / units->times ? units : NULL;
	return NULL;
}

const char *units_size(const char *text, uint64_t *bytes)
{
	static const struct unit units[] = {
		{ "", 1 }, { "K", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 }, { 0 },
	};
	const struct unit *unit = parse(text, units, bytes);

	if (!unit)
		return "want a number of bytes, or one of K, M or G behind it";
	*bytes *= unit->times;
	return *bytes ? NULL : "no memory is none: leave it out";
}

const char *units_time(const char *text, uint64_t *ns)
{
	static const struct unit units[] = {
		{ "", 1000 }, { "us", 1000 }, { "ns", 1 }, { "ms", 1000000 }, { "s", 1000000000 },
		{ 0 },
	};
	const struct unit *unit = parse(text, units, ns);

	if (!unit)
		return "want a time: a number, and ns, us, ms or s behind it";
	*ns *= unit->times;
	return *ns ? NULL : "a quantum of 0 is none: leave it out";
}

const char *units_counts(const char *text, uint32_t *counts, size_t n)
{
	unsigned long count;
	size_t i = 0;
	char *end;

	memset(counts, 0, n * sizeof(*counts));
	for (;; text = end + 1) {
		count = strtoul(text, &end, 10);
		if (*text < '0' || *text > '9' || (*end && *end != ',') || count > UINT16_MAX)
			return "want numbers of cores, as 1,2";
		if (i == n)
			return "there are not so many classes";
		counts[i++] = (uint32_t)count;
		if (!*end)
			return NULL;
	}
}
