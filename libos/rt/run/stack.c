// SPDX-License-Identifier: MIT
/* Tasks' stacks, a page below each is none, and their pool; a line about a task that ends all. */
#include <errno.h>
#include <sys/mman.h>

#include "../../src/text.h"
#include "../../src/thread.h"
#include "runtime.h"

#define PAGE 4096ull
#define POOL_BYTES (4ull << 20) /* of one size; one stack at least, however large */

static char **next_of(char *stack, size_t size)
{
	return (char **)(stack + size) - 1;
}

/* NULL: there is no memory. */
static char *map(size_t size)
{
	char *memory = mmap(NULL, size + PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (mprotect(memory, PAGE, PROT_NONE)) {
		munmap(memory, size + PAGE);
		return NULL;
	}
	return memory + PAGE;
}

static void unmap(char *stack, size_t size)
{
	munmap(stack - PAGE, size + PAGE);
}

/* Those of a size, or with any, the first place that has none. NULL: there is no place. */
static struct rt_stacks *stacks_of(size_t size, bool any)
{
	uint32_t i;

	for (i = 0; i < RT_STACK_SIZES; i++)
		if (rt.stacks[i].size == size && rt.stacks[i].n)
			return &rt.stacks[i];
	for (i = 0; any && i < RT_STACK_SIZES; i++)
		if (!rt.stacks[i].n)
			return &rt.stacks[i];
	return NULL;
}

static bool pool_put(char *stack, size_t size)
{
	struct rt_stacks *stacks = stacks_of(size, true);

	if (!stacks || (stacks->n && stacks->n * size >= POOL_BYTES))
		return false;
	stacks->size = size;
	stacks->n++;
	*next_of(stack, size) = stacks->first;
	stacks->first = stack;
	return true;
}

static char *pool_take(size_t size)
{
	struct rt_stacks *stacks = stacks_of(size, false);
	char *stack = stacks ? stacks->first : NULL;

	if (stack) {
		stacks->first = *next_of(stack, size);
		stacks->n--;
	}
	return stack;
}

void rt_stacks_make(uint32_t most)
{
	uint32_t n;
	char *stack;

	for (n = 0; n < most && n * rt.stack_size < POOL_BYTES; n++) {
		stack = map(rt.stack_size);
		if (!stack || !pool_put(stack, rt.stack_size))
			break;
	}
}

void rt_stacks_touch(void)
{
	const struct rt_stacks *stacks = stacks_of(rt.stack_size, false);
	char *stack = stacks ? stacks->first : NULL;
	size_t at;

	for (; stack; stack = *next_of(stack, rt.stack_size))
		for (at = 0; at < rt.stack_size; at += PAGE)
			*(volatile char *)(stack + at) = 0;
}

void rt_stacks_free(void)
{
	uint32_t i;

	for (i = 0; i < rt.threads_made; i++)
		if (rt.threads[i].stack)
			unmap(rt.threads[i].stack, rt.threads[i].stack_size);
	for (i = 0; i < RT_STACK_SIZES; i++) {
		const size_t size = rt.stacks[i].size;

		while (rt.stacks[i].n)
			unmap(pool_take(size), size);
	}
}

/* What its place had before goes to the pool; what comes out of that needs no system call. */
int rt_stack_get(struct rt_thread *thread, size_t size)
{
	char *old = thread->stack, *stack;
	struct rt_here here;
	bool kept;

	if (old && thread->stack_size == size)
		return 0;
	rt_enter(&here);
	rt_lock(&rt.wait_lock);
	stack = pool_take(size);
	kept = old && pool_put(old, thread->stack_size);
	rt_unlock(&rt.wait_lock);
	rt_leave(&here);
	if (old && !kept)
		unmap(old, thread->stack_size);
	if (!stack)
		stack = map(size);
	thread->stack = stack;
	thread->stack_size = size;
	return stack ? 0 : -ENOMEM;
}

/* In ring 0, or on the host side of the same core. */
void rt_fatal_note(uint64_t address)
{
	const struct rt_core *core = rt_core_here();
	const struct rt_thread *thread = core ? core->current : NULL;
	char line[128], *end = line;

	if (!thread || thread == &core->idle)
		return;
	end = text_put(end, "dune: task ");
	if (thread->name[0]) {
		end = text_put(end, thread->name);
		end = text_put(end, ", ");
	}
	end = text_put(end, "number ");
	end = text_hex(end, thread->id);
	end = text_put(end, ", on core ");
	end = text_decimal(end, core->index);
	if (address - (uint64_t)(thread->stack - PAGE) < PAGE)
		end = text_put(end, ": its stack is full");
	end = text_put(end, "\n");
	guest_syscall3(SYS_write, 2, (long)line, end - line);
}
