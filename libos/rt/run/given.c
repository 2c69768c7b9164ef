// SPDX-License-Identifier: MIT
/* What `dune rt run' has handed over beside the counters: terminal and memory. */
#include <stdlib.h>
#include <sys/mman.h>

#include <dune/rt_memory.h>

#include "../../src/terminal.h"
#include "../arena.h"
#include "runtime.h"

static struct rt_arena arena;

static void memory_map(const struct rt_config *config)
{
	void *at;

	if (!config->memory)
		return;
	at = mmap(NULL, config->memory, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		  config->memory_fd, 0);
	if (at != MAP_FAILED)
		rt_arena_init(&arena, at, config->memory);
}

void rt_shared_begin(void)
{
	const char *text = getenv(RT_CONFIG_VARIABLE);
	struct rt_config config;
	static bool done;

	/* Once: it stays when the runtime stops. */
	if (done || !text || rt_config_parse(&config, text))
		return;
	done = true;
	memory_map(&config);
	if (config.shared_fd >= 0)
		terminal_begin(config.shared_fd);
}

void rt_memory_touch(void)
{
	rt_arena_touch(&arena);
}

void *dune_rt_memory(size_t size, size_t align)
{
	return arena.base ? rt_arena_take(&arena, size, align) : NULL;
}
