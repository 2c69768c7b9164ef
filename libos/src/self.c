// SPDX-License-Identifier: MIT
/* Programs that look for themselves: to find their files beside, or to run themselves again. */
#include <errno.h>
#include <limits.h>

#include "guest.h"
#include "self.h"
#include "thread.h"

/* In the image, to which a program in ring 3 has no access. */
static char place[PATH_MAX];
static const char *program; /* place, if it is known */

void self_set(const char *path)
{
	size_t i;

	for (i = 0; path && path[i] && i < PATH_MAX - 1; i++)
		place[i] = path[i];
	program = i ? place : NULL;
}

const char *self_path(void)
{
	return program;
}

const void *self_place(void)
{
	return &program;
}

static bool begins(const char **at, const char *with)
{
	const char *a = *at;

	while (*with)
		if (*a++ != *with++)
			return false;
	*at = a;
	return true;
}

bool self_is(const char *path)
{
	long pid = 0;

	if (!program || !begins(&path, "/proc/"))
		return false;
	if (begins(&path, "self/exe") || begins(&path, "thread-self/exe"))
		return !*path;
	for (; *path >= '0' && *path <= '9' && pid < 1 << 24; path++)
		pid = pid * 10 + *path - '0';
	return pid && pid == raw_syscall3(SYS_getpid, 0, 0, 0) && begins(&path, "/exe") && !*path;
}

long self_readlink(struct dune_thread *thread)
{
	const struct dune_regs *regs = &thread->run->regs;
	bool at = (uint32_t)regs->rax == SYS_readlinkat;
	uint64_t path = at ? regs->rsi : regs->rdi, to = at ? regs->rdx : regs->rsi;
	long size = (int)(at ? regs->r10 : regs->rdx), n, ret;

	/* No name of the link is longer; it may end before the next page. */
	if (size <= 0 || !program || !guest_readable(path & ~7ull, 8) ||
	    (((path + 32) ^ path) & ~4095ull && !guest_readable((path + 32) & ~4095ull, 8)) ||
	    !self_is((const char *)path))
		return raw_syscall6((uint32_t)regs->rax, (long)regs->rdi, (long)regs->rsi,
				    (long)regs->rdx, (long)regs->r10, 0, 0);
	for (n = 0; n < size && program[n]; n++)
		;
	/* Linux's own answer for the errno; longer ones need more room than it has seen. */
	ret = raw_syscall6((uint32_t)regs->rax, (long)regs->rdi, (long)regs->rsi, (long)regs->rdx,
			   (long)regs->r10, 0, 0);
	if (ret < 0)
		return ret;
	if (n > ret && n >= 8 && !guest_writable(to, (size_t)n))
		return -EFAULT;
	if (n > ret && n < 8)
		n = ret;
	asm volatile("rep movsb" ::"D"(to), "S"(program), "c"(n) : "memory");
	return n;
}
