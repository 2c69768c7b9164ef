// SPDX-License-Identifier: MIT
/* argc, argv, envp, auxiliary vector and strings (System V ABI, AMD64 supplement, 3.4). */
#include <elf.h>
#include <string.h>
#include <sys/auxv.h>

#include "stack.h"

/* What Linux gave this process, its own entries replaced by the program's. */
static const uint64_t passed[] = {
	AT_SYSINFO_EHDR, AT_HWCAP, AT_PAGESZ, AT_CLKTCK, AT_FLAGS, AT_UID, AT_EUID,
	AT_GID, AT_EGID, AT_SECURE, AT_HWCAP2, AT_RANDOM, AT_PLATFORM, AT_BASE_PLATFORM,
	51, /* AT_MINSIGSTKSZ */
};
#define PASSED (sizeof(passed) / sizeof(*passed))
#define AUXV_MAX (PASSED + 8)

static size_t words(const struct start_args *args)
{
	size_t n = 1 + (size_t)args->argc + 1 + 1 + 2 * AUXV_MAX;
	char *const *e;

	for (e = args->envp; *e; e++)
		n++;
	return n;
}

static size_t strings(const struct start_args *args)
{
	size_t size = strlen(args->path) + 1;
	int i;

	for (i = 0; i < args->argc; i++)
		size += strlen(args->argv[i]) + 1;
	return size;
}

size_t stack_size(const struct start_args *args)
{
	return words(args) * 8 + strings(args) + 64;
}

static uint64_t string_put(uint64_t *at, const char *text)
{
	uint64_t to = *at;
	size_t size = strlen(text) + 1;

	memcpy((void *)to, text, size);
	*at += size;
	return to;
}

static uint64_t *pair_put(uint64_t *to, uint64_t type, uint64_t value)
{
	*to++ = type;
	*to++ = value;
	return to;
}

static uint64_t *auxv_put(uint64_t *to, const struct start_args *args, uint64_t path)
{
	size_t i;

	for (i = 0; i < PASSED; i++) {
		uint64_t value = getauxval(passed[i]);

		if (value || passed[i] == AT_FLAGS || passed[i] == AT_SECURE ||
		    (passed[i] >= AT_UID && passed[i] <= AT_EGID))
			to = pair_put(to, passed[i], value);
	}
	to = pair_put(to, AT_PHDR, args->program->headers);
	to = pair_put(to, AT_PHENT, args->program->header_size);
	to = pair_put(to, AT_PHNUM, args->program->headers_n);
	to = pair_put(to, AT_BASE, args->interpreter_base);
	to = pair_put(to, AT_ENTRY, args->program->entry);
	to = pair_put(to, AT_EXECFN, path);
	return pair_put(to, AT_NULL, 0);
}

void stack_build(const struct start_args *args, uint64_t top, struct start_stack *stack)
{
	uint64_t text = (top - strings(args)) & ~15ull;
	uint64_t *to = (uint64_t *)((text - words(args) * 8) & ~15ull);
	uint64_t path;
	char *const *e;
	int i;

	stack->pointer = (uint64_t)to;
	stack->arg_start = text;
	*to++ = (uint64_t)args->argc;
	for (i = 0; i < args->argc; i++)
		*to++ = string_put(&text, args->argv[i]);
	stack->arg_end = text;
	path = string_put(&text, args->path);
	*to++ = 0;
	for (e = args->envp; *e; e++)
		*to++ = (uint64_t)*e;
	*to++ = 0;
	stack->auxv = (uint64_t)to;
	to = auxv_put(to, args, path);
	stack->auxv_size = (uint32_t)((uint64_t)to - stack->auxv);
}
