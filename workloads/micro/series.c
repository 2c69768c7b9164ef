// SPDX-License-Identifier: MIT
/* Results leave as lines of numbers; what they mean is the harness's business. */
#include "micro/series.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool series_wanted(const struct plan *plan, const char *name)
{
	return !plan->only || !strcmp(plan->only, name);
}

static void list(const char *word, const uint64_t *values, unsigned int n)
{
	printf(" %s", word);
	for (unsigned int i = 0; i < n; i++)
		printf(" %" PRIu64, values[i]);
}

void series_print(const char *name, const struct series *series)
{
	printf("%s iterations %u", name, series->iterations);
	list("ticks", series->ticks, series->batches);
	list("empty", series->empty, series->batches);
	printf("\n");
}
