// SPDX-License-Identifier: MIT
/* Hooks of system calls: the table, and calls past it. */
#include <errno.h>
#include <stddef.h>

#include <dune/lifecycle.h>
#include <dune/syscall.h>

#include "thread.h"

struct hook {
	dune_syscall_hook call;
	void *arg;
};

static struct {
	struct raw_lock lock;
	unsigned int n; /* hooks that are set */
	struct hook own[SYSCALLS_KNOWN], rest;
} hooks;

bool syscall_hooked;

_Static_assert(offsetof(struct dune_syscall, args) == 8, "assembly");
_Static_assert(sizeof(struct dune_syscall) == 80, "assembly");

int dune_syscall_hook_set(int nr, dune_syscall_hook call, void *arg)
{
	struct hook *hook = nr == DUNE_SYSCALL_DEFAULT ? &hooks.rest : &hooks.own[nr];

	if (nr != DUNE_SYSCALL_DEFAULT && (nr < 0 || nr >= SYSCALLS_KNOWN))
		return -EINVAL;
	raw_lock(&hooks.lock);
	hooks.n += !hook->call && call;
	hooks.n -= hook->call && !call;
	/* A thread that reads in between must not take the new function for the old argument. */
	__atomic_store_n(&hook->call, NULL, __ATOMIC_SEQ_CST);
	__atomic_store_n(&hook->arg, arg, __ATOMIC_SEQ_CST);
	__atomic_store_n(&hook->call, call, __ATOMIC_SEQ_CST);
	__atomic_store_n(&syscall_hooked, hooks.n != 0, __ATOMIC_SEQ_CST);
	raw_unlock(&hooks.lock);
	return 0;
}

void syscall_hooks_lock(void)
{
	raw_lock(&hooks.lock);
}

void syscall_hooks_unlock(void)
{
	raw_unlock(&hooks.lock);
}

/* From assembly. 0: make the call as the struct says. */
int syscall_dispatch(struct dune_syscall *call)
{
	const struct hook *hook = &hooks.rest;
	dune_syscall_hook function;

	if (call->nr < SYSCALLS_KNOWN && hooks.own[call->nr].call)
		hook = &hooks.own[call->nr];
	function = __atomic_load_n(&hook->call, __ATOMIC_ACQUIRE);
	return function ? function(call, hook->arg) == DUNE_SYSCALL_ANSWER : 0;
}

int64_t dune_syscall_forward(const struct dune_syscall *call)
{
	if (!dune_in_guest())
		return -EPERM;
	switch (call->nr) {
	case SYS_clone:
	case SYS_vfork:
	case SYS_rt_sigreturn:
		return -ENOTSUP;
	default:
		return syscall_past_hooks((long)call->nr, call->args);
	}
}

long guest_syscall3(long nr, long a, long b, long c)
{
	const uint64_t args[6] = { (uint64_t)a, (uint64_t)b, (uint64_t)c };

	return dune_in_guest() ? syscall_past_hooks(nr, args) : raw_syscall3(nr, a, b, c);
}

/* Byte by byte would do; Linux is asked once a page. */
static bool ask(uint64_t address, uint64_t size, bool write)
{
	uint64_t at = address & ~7ull, end = address + size;

	if (!size)
		return true;
	if (end < address)
		return false;
	for (; at < end; at = (at & ~4095ull) + 4096) {
		/* The probe for writing writes: it must write back what is there. */
		uint64_t how = write ? 0 : ~0ull;
		uint64_t args[6] = { how, write ? 0 : at, write ? at : 0, 8 };
		uint64_t kept;
		long ret;

		if (write) {
			uint64_t reads[6] = { ~0ull, at, 0, 8 };

			if (syscall_past_hooks(SYS_rt_sigprocmask, reads) == -EFAULT)
				return false;
			kept = *(volatile uint64_t *)at;
		}
		ret = syscall_past_hooks(SYS_rt_sigprocmask, args);
		if (ret == -EFAULT)
			return false;
		if (write)
			*(volatile uint64_t *)at = kept;
	}
	return true;
}

static void copy(uint64_t to, uint64_t from, uint64_t n)
{
	asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
}

int dune_syscall_read(void *to, uint64_t from, uint64_t size)
{
	if (!dune_in_guest())
		return -EPERM;
	if (!ask(from, size, false))
		return -EFAULT;
	copy((uint64_t)to, from, size);
	return 0;
}

int dune_syscall_write(uint64_t to, const void *from, uint64_t size)
{
	if (!dune_in_guest())
		return -EPERM;
	if (!ask(to, size, true))
		return -EFAULT;
	copy(to, (uint64_t)from, size);
	return 0;
}
