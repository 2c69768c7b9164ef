// SPDX-License-Identifier: MIT
/* Asking Linux about the program's memory by a call that every seccomp filter allows. */
#include <errno.h>
#include <signal.h>

#include "guest.h"
#include "raw.h"

#define PAGE 4096ull
#define USER_END (1ull << 47)

/*
 * rt_sigprocmask reads its set before it refuses `how`, and writes the old mask
 * without changing it when there is no set. A kernel's access grows stacks, waits
 * for userfaultfd, and raises no signal.
 */
static bool readable(uint64_t address)
{
	return raw_syscall6(SYS_rt_sigprocmask, -1, (long)address, 0, 8, 0, 0) != -EFAULT;
}

static bool writable(uint64_t address)
{
	return raw_syscall6(SYS_rt_sigprocmask, SIG_BLOCK, 0, (long)address, 8, 0, 0) == 0;
}

static bool each_page(uint64_t address, size_t size, bool (*ask)(uint64_t))
{
	uint64_t last = address + size - 8, at;

	if (size < 8 || address >= USER_END || last >= USER_END || !ask(last))
		return false;
	for (at = address; at < last; at = (at & ~(PAGE - 1)) + PAGE)
		if (!ask(at))
			return false;
	return true;
}

bool guest_readable(uint64_t address, size_t size)
{
	return each_page(address, size, readable);
}

bool guest_writable(uint64_t address, size_t size)
{
	return each_page(address, size, writable);
}

bool guest_read(void *to, uint64_t from, size_t size)
{
	if (!guest_readable(from, size))
		return false;
	raw_copy(to, (const void *)from, size);
	return true;
}

bool guest_write(uint64_t to, const void *from, size_t size)
{
	if (!guest_writable(to, size))
		return false;
	raw_copy((void *)to, from, size);
	return true;
}
