// SPDX-License-Identifier: MIT
/* Hooks of system calls: the table, and calls past it. */
#include <errno.h>
#include <stddef.h>
#include <sys/uio.h>

#include <dune/lifecycle.h>
#include <dune/syscall.h>

#include "monitor.h"
#include "section.h"
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

uint8_t syscall_watch;

_Static_assert(offsetof(struct dune_syscall, args) == 8, "assembly");
_Static_assert(sizeof(struct dune_syscall) == 80, "assembly");

int dune_syscall_hook_set(int nr, dune_syscall_hook call, void *arg)
{
	struct hook *hook = nr == DUNE_SYSCALL_DEFAULT ? &hooks.rest : &hooks.own[nr];
	struct section section;

	if (nr != DUNE_SYSCALL_DEFAULT && (nr < 0 || nr >= SYSCALLS_KNOWN))
		return -EINVAL;
	section_begin(&section, &hooks.lock);
	hooks.n += !hook->call && call;
	hooks.n -= hook->call && !call;
	__atomic_store_n(&hook->call, NULL, __ATOMIC_SEQ_CST);
	__atomic_store_n(&hook->arg, arg, __ATOMIC_SEQ_CST);
	__atomic_store_n(&hook->call, call, __ATOMIC_SEQ_CST);
	if (hooks.n)
		__atomic_fetch_or(&syscall_watch, SYSCALL_HOOKED, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(&syscall_watch, (uint8_t)~SYSCALL_HOOKED, __ATOMIC_SEQ_CST);
	section_end(&section, &hooks.lock);
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
	void *arg;

	if (call->nr < SYSCALLS_KNOWN && hooks.own[call->nr].call)
		hook = &hooks.own[call->nr];
	/* Both of one setting: it takes the function away before it changes the argument. */
	do {
		function = __atomic_load_n(&hook->call, __ATOMIC_SEQ_CST);
		arg = __atomic_load_n(&hook->arg, __ATOMIC_SEQ_CST);
	} while (__atomic_load_n(&hook->call, __ATOMIC_SEQ_CST) != function);
	return function ? function(call, arg) == DUNE_SYSCALL_ANSWER : 0;
}

int64_t dune_syscall_forward(const struct dune_syscall *call)
{
	int64_t result;

	if (!ring0_here())
		return -EPERM;
	/* Above the numbers of calls are libdune's own requests. */
	if (call->nr >= SYSCALLS_KNOWN)
		return -ENOSYS;
	switch (call->nr) {
	case SYS_clone:
	case SYS_vfork:
	case SYS_rt_sigreturn:
		return -ENOTSUP;
	default:
		result = syscall_past_hooks((long)call->nr, call->args);
		if (monitor_on())
			monitor_call_made();
		return result;
	}
}

long guest_syscall3(long nr, long a, long b, long c)
{
	const uint64_t args[6] = { (uint64_t)a, (uint64_t)b, (uint64_t)c };

	return dune_in_guest() ? syscall_past_hooks(nr, args) : raw_syscall3(nr, a, b, c);
}

#define GRND_INSECURE 4

/*
 * Linux is asked once a page: by a call that reads eight bytes and does nothing,
 * or by one that writes a byte, which will be overwritten anyway.
 */
static bool ask(uint64_t address, uint64_t size, bool write)
{
	uint64_t at = address, end = address + size;

	if (size && end < address)
		return false;
	for (; at < end; at = (at & ~4095ull) + 4096) {
		const uint64_t reads[6] = { ~0ull, at & ~7ull, 0, 8 };
		const uint64_t writes[6] = { at, 1, GRND_INSECURE };

		if ((write ? syscall_past_hooks(SYS_getrandom, writes) :
			     syscall_past_hooks(SYS_rt_sigprocmask, reads)) == -EFAULT)
			return false;
	}
	return true;
}

static void copy(uint64_t to, uint64_t from, uint64_t n)
{
	asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
}

/*
 * Linux copies, so that memory which another thread takes away meanwhile is an errno.
 * Where the call is forbidden, or the kernel was built without it, that is a risk.
 */
static int transfer(void *own, uint64_t address, uint64_t size, bool write)
{
	const struct iovec local = { own, size }, remote = { (void *)address, size };
	const uint64_t args[6] = { (uint64_t)dune_process.pid, (uint64_t)&local, 1,
				   (uint64_t)&remote, 1, 0 };
	int64_t done;

	if (!dune_in_guest())
		return -EPERM;
	if (!size)
		return 0;
	done = syscall_past_hooks(write ? SYS_process_vm_writev : SYS_process_vm_readv, args);
	if (done == (int64_t)size)
		return 0;
	if (done >= 0 || done == -EFAULT || !ask(address, size, write))
		return -EFAULT;
	if (write)
		copy(address, (uint64_t)own, size);
	else
		copy((uint64_t)own, address, size);
	return 0;
}

int dune_syscall_read(void *to, uint64_t from, uint64_t size)
{
	return transfer(to, from, size, false);
}

int dune_syscall_write(uint64_t to, const void *from, uint64_t size)
{
	return transfer((void *)from, to, size, true);
}
