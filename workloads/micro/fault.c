// SPDX-License-Identifier: MIT
/* Page faults of a process: the first write to pages that are new to it. */
#include <stdio.h>

#include "micro/area.h"
#include "micro/groups.h"

static void faults(const struct plan *plan, const char *who, const char *what,
		   char *(*map)(size_t offset, size_t size))
{
	struct series s = { plan->batches, BATCH_PAGES, { 0 }, { 0 } };
	char name[40], *area;

	snprintf(name, sizeof(name), "%s.%s", who, what);
	if (!series_wanted(plan, name))
		return;
	area = map(0, area_bytes(plan));
	SERIES_RUN(s.ticks, s.batches, s.iterations, TOUCH(area));
	SERIES_RUN(s.empty, s.batches, s.iterations, TOUCH(area));
	series_print(name, &s);
	area_unmap(area, area_bytes(plan));
}

void group_fault_large(const struct plan *plan, const char *who)
{
	struct series s = { plan->batches, BATCH_LARGE_PAGES, { 0 }, { 0 } };
	char name[40], *area;

	snprintf(name, sizeof(name), "%s.fault_fresh_large", who);
	if (!series_wanted(plan, name))
		return;
	area = area_map_large(area_large_bytes(plan));
	SERIES_RUN(s.ticks, s.batches, s.iterations, TOUCH_LARGE(area));
	SERIES_RUN(s.empty, s.batches, s.iterations, TOUCH_LARGE(area));
	series_print(name, &s);
	area_unmap(area, area_large_bytes(plan));
}

void group_fault_fresh(const struct plan *plan, const char *who, const char *what)
{
	faults(plan, who, what, area_map);
}

void group_fault_present(const struct plan *plan, const char *who, const char *what)
{
	faults(plan, who, what, area_map_present);
}
