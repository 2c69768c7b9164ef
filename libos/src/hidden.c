// SPDX-License-Identifier: MIT
/*
 * Programs close what they did not open: every number from 3 up, before they
 * execute another. Those of the device, the VM and the vCPUs must survive that.
 * For the program they do not exist: EBADF, also to calls that ask which do. (Not
 * to fcntl: it can wait for a lock, which only a plain call does as it should.)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/resource.h>

#include "hidden.h"
#include "monitor.h"
#include "thread.h"

#define FDS_MAX 65536 /* of larger numbers none is ours: they stay where they are */
#define CLOSE_RANGE_CLOEXEC 4u

static struct {
	uint64_t bits[FDS_MAX / 64];
	unsigned int lowest; /* none is below: most calls end with this */
} hidden = { .lowest = FDS_MAX };

bool hidden_is(uint32_t fd)
{
	return fd >= hidden.lowest && fd < FDS_MAX &&
	       __atomic_load_n(&hidden.bits[fd / 64], __ATOMIC_RELAXED) >> (fd % 64) & 1;
}

static void hidden_add(int fd)
{
	unsigned int lowest = hidden.lowest;

	if (fd >= FDS_MAX)
		return;
	__atomic_fetch_or(&hidden.bits[fd / 64], 1ull << (fd % 64), __ATOMIC_SEQ_CST);
	while ((unsigned int)fd < lowest &&
	       !__atomic_compare_exchange_n(&hidden.lowest, &lowest, (unsigned int)fd, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
}

void hidden_close(int fd)
{
	if (fd < FDS_MAX)
		__atomic_fetch_and(&hidden.bits[fd / 64], ~(1ull << (fd % 64)), __ATOMIC_SEQ_CST);
	raw_syscall3(SYS_close, fd, 0, 0);
}

int hidden_move(int fd)
{
	struct rlimit limit;
	long from, to = -1;

	/* The last quarter of what the process may have. */
	if (!raw_syscall3(SYS_getrlimit, RLIMIT_NOFILE, (long)&limit, 0)) {
		from = limit.rlim_cur < FDS_MAX ? (long)limit.rlim_cur : FDS_MAX;
		to = raw_syscall3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, from - from / 4);
	}
	if (to < 0) {
		to = fd;
	} else {
		raw_syscall3(SYS_close, fd, 0, 0);
	}
	hidden_add((int)to);
	return (int)to;
}

/* Between ours. CLOEXEC does not matter to ours: they have it. */
static long close_range_spared(uint64_t first, uint64_t last, uint64_t flags)
{
	uint64_t from = first, at;
	long ret = 0;

	if (last > UINT32_MAX)
		last = UINT32_MAX;
	for (at = hidden.lowest > first ? hidden.lowest : first;
	     !ret && at <= last && at < FDS_MAX; at++) {
		if (!hidden_is((uint32_t)at))
			continue;
		if (at > from)
			ret = raw_syscall3(SYS_close_range, (long)from, (long)at - 1, (long)flags);
		from = at + 1;
	}
	if (!ret && from <= last)
		ret = raw_syscall3(SYS_close_range, (long)from, (long)last, (long)flags);
	return ret;
}

static long syscall_of(struct dune_thread *thread)
{
	const struct dune_regs *regs = &thread->run->regs;
	uint32_t nr = (uint32_t)regs->rax;
	bool second = nr == SYS_dup2 || nr == SYS_dup3;

	if (nr == SYS_close_range && (uint32_t)regs->rdi <= (uint32_t)regs->rsi &&
	    !((uint32_t)regs->rdx & CLOSE_RANGE_CLOEXEC))
		return close_range_spared((uint32_t)regs->rdi, (uint32_t)regs->rsi, regs->rdx);
	if (nr == SYS_dup3 && (uint32_t)regs->rdx == HIDDEN_PUT && monitor_on() &&
	    !monitor_passes(regs))
		return raw_syscall3(nr, (long)regs->rdi, (long)regs->rsi, O_CLOEXEC);
	if (nr == SYS_dup && regs->rsi == HIDDEN_DUP_FROM && !hidden_is((uint32_t)regs->rdi))
		return raw_syscall3(SYS_fcntl, (long)regs->rdi, (long)regs->r10, (long)regs->rdx);
	if (nr != SYS_close_range &&
	    (hidden_is((uint32_t)regs->rdi) || (second && hidden_is((uint32_t)regs->rsi))))
		return -EBADF;
	return raw_syscall6(nr, (long)regs->rdi, (long)regs->rsi, (long)regs->rdx,
			    (long)regs->r10, (long)regs->r8, 0);
}

long hidden_syscall(struct dune_thread *thread)
{
	uint32_t nr = (uint32_t)thread->run->regs.rax;
	bool changes = monitor_on() && (nr == SYS_close || nr == SYS_dup || nr == SYS_dup2 ||
					nr == SYS_dup3 || nr == SYS_lseek);
	long ret;

	/* A new vCPU's descriptor is made and hidden under that lock: nobody takes it before. */
	if (changes)
		raw_lock(&dune_process.threads_lock);
	ret = syscall_of(thread);
	if (changes)
		raw_unlock(&dune_process.threads_lock);
	return ret;
}
