/* SPDX-License-Identifier: MIT */
/*
 * System calls and memory copies without libc: usable on the host side of a
 * vCPU, where vector registers hold the guest's state and errno is not ours,
 * and in trap entry. Results are values or -errno.
 */
#ifndef DUNE_SRC_RAW_H
#define DUNE_SRC_RAW_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

static inline long raw_syscall6(long nr, long a, long b, long c, long d, long e,
				long f)
{
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	register long r9 asm("r9") = f;
	long ret;

	asm volatile("syscall"
		     : "=a"(ret)
		     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		     : "rcx", "r11", "memory");
	return ret;
}

#define raw_syscall3(nr, a, b, c) raw_syscall6(nr, a, b, c, 0, 0, 0)

/* n is a multiple of 8, as the sizes of all structures here are. */
static inline void raw_copy(void *to, const void *from, size_t n)
{
	n /= 8;
	asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(n)::"memory");
}

static inline void raw_zero(void *to, size_t n)
{
	n /= 8;
	asm volatile("rep stosq" : "+D"(to), "+c"(n) : "a"(0) : "memory");
}

/* A lock for a few instructions; the holder never blocks in it. */
struct raw_lock {
	int held;
};

static inline void raw_lock(struct raw_lock *lock)
{
	while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE))
		__builtin_ia32_pause();
}

static inline void raw_unlock(struct raw_lock *lock)
{
	__atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

#endif
