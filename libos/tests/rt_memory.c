// SPDX-License-Identifier: MIT
/* Memory that a run was given: there before its tasks, without one more fault. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/dune_mode.h"
#include "lib/rt_up.h"

#define SIZE (4ull << 20)

static void given(void)
{
	char text[96];
	int fd = memfd_create("memory", 0);

	if (fd < 0 || ftruncate(fd, SIZE))
		ktap_bail("memfd");
	snprintf(text, sizeof(text), "memory=%llu,memory_fd=%d", SIZE, fd);
	setenv("DUNE_RT", text, 1);
}

static void *touches(void *arg)
{
	char *at, *block = arg;
	struct dune_counters before, after;
	bool zero = true;

	dune_counters_get(&before);
	for (at = block; at < block + SIZE / 2; at += 4096) {
		zero &= !*at;
		*at = 1;
	}
	dune_counters_get(&after);
	ktap_check(zero, "it begins as zeroes");
	/* Of 512 pages; others may have one meanwhile. */
	ktap_check(after.tdp_faults - before.tdp_faults < 8, "its pages have their nested entries");
	return NULL;
}

int main(void)
{
	char *small, *large;

	ktap_plan(5);
	ktap_check(!dune_rt_memory(1, 1), "none without a runtime");
	given();
	if (dune_init(NULL))
		ktap_bail("dune_init");
	rt_up("cfcfs", 1);
	small = dune_rt_memory(10, 1);
	large = dune_rt_memory(SIZE / 2, 1 << 16);
	ktap_check(small && large && !((uintptr_t)large & 0xffff), "aligned blocks");
	rt_spawn(touches, large, NULL);
	dune_rt_wait();
	ktap_check(!dune_rt_memory(SIZE / 2, 1) && !dune_rt_memory(1, 3), "no more than there is");
	rt_down();
	return ktap_exit_status();
}
