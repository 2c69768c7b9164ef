// SPDX-License-Identifier: MIT
/* What things cost an ordinary process: page faults, and all that calls.c has. */
#include "micro/area.h"
#include "micro/groups.h"

static void faults(const char *name, const struct plan *plan,
		   char *(*map)(size_t offset, size_t size))
{
	struct series s = { plan->batches, BATCH_PAGES, { 0 }, { 0 } };
	char *area;

	if (!series_wanted(plan, name))
		return;
	area = map(0, area_bytes(plan));
	SERIES_RUN(s.ticks, s.batches, s.iterations, TOUCH(area));
	SERIES_RUN(s.empty, s.batches, s.iterations, TOUCH(area));
	series_print(name, &s);
	area_unmap(area, area_bytes(plan));
}

void group_linux(const struct plan *plan)
{
	group_calls(plan, "linux");
	group_start(plan, "linux", false);
	faults("linux.fault_fresh", plan, area_map);
	faults("linux.fault_present", plan, area_map_present);
}
