// SPDX-License-Identifier: MIT
/* PR_SET_MM_MAP, as checkpoint/restore uses it; it needs no privilege. */
#include <linux/prctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "tell.h"

/* Fields 45 to 52 of /proc/self/stat: start_data ... env_end; and 28, start_stack. */
struct layout {
	unsigned long start_stack, start_data, end_data, start_brk, arg_start, arg_end, env_start,
		env_end;
};

static int layout_now(struct layout *l)
{
	char text[2048], *at;
	FILE *file = fopen("/proc/self/stat", "re");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	int field;

	if (file)
		fclose(file);
	text[n] = 0;
	at = strrchr(text, ')'); /* the name is the second field, and may hold anything */
	for (field = 2; at && field < 28; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%lu", &l->start_stack) != 1)
		return -1;
	for (; at && field < 45; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, "%lu %lu %lu %lu %lu %lu %lu", &l->start_data, &l->end_data,
			    &l->start_brk, &l->arg_start, &l->arg_end, &l->env_start,
			    &l->env_end) == 7 ? 0 : -1;
}

void tell_linux(const struct start_args *args, const struct start_stack *stack)
{
	const struct image *program = args->program;
	uint64_t brk = (program->end + 4095) & ~4095ull;
	struct prctl_mm_map map = { .exe_fd = (__u32)-1 };
	const char *name = strrchr(args->path, '/');
	struct layout now;

	prctl(PR_SET_NAME, name ? name + 1 : args->path);
	if (layout_now(&now))
		return;
	map.start_code = program->code_start;
	map.end_code = program->code_end;
	map.start_data = program->data_start ? program->data_start : program->code_start;
	map.end_data = program->data_end ? program->data_end : program->code_end;
	map.start_brk = map.brk = brk;
	map.start_stack = stack->pointer;
	map.arg_start = stack->arg_start;
	map.arg_end = stack->arg_end;
	map.env_start = now.env_start;
	map.env_end = now.env_end;
	map.auxv = (__u64 *)stack->auxv;
	map.auxv_size = stack->auxv_size;
	prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0);
}
