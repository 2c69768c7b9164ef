/* SPDX-License-Identifier: MIT */
/* A system call without libc's errno: what a hypervisor's run loop would use. */
#ifndef MICRO_RAW_H
#define MICRO_RAW_H

/* The kernel's own result: -errno for a failure. */
static inline long raw_syscall3(long nr, long a, long b, long c)
{
	long result;

	asm volatile("syscall"
		     : "=a"(result)
		     : "a"(nr), "D"(a), "S"(b), "d"(c)
		     : "rcx", "r11", "memory");
	return result;
}

#endif
