// SPDX-License-Identifier: MIT
/* Tasks' stacks: a page below each is none; a line about a task that ends the process. */
#include <errno.h>
#include <sys/mman.h>

#include "../../src/text.h"
#include "../../src/thread.h"
#include "runtime.h"

#define PAGE 4096ull

void rt_stack_free(struct rt_thread *thread)
{
	if (thread->stack)
		munmap(thread->stack - PAGE, thread->stack_size + PAGE);
	thread->stack = NULL;
}

int rt_stack_get(struct rt_thread *thread, size_t size)
{
	char *memory;

	if (thread->stack && thread->stack_size == size)
		return 0;
	rt_stack_free(thread);
	memory = mmap(NULL, size + PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (memory == MAP_FAILED)
		return -ENOMEM;
	if (mprotect(memory, PAGE, PROT_NONE)) {
		munmap(memory, size + PAGE);
		return -ENOMEM;
	}
	thread->stack = memory + PAGE;
	thread->stack_size = size;
	return 0;
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
