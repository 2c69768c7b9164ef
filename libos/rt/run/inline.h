/* SPDX-License-Identifier: MIT */
/* Short things the runtime does often: locks, flags, the core it is on, the clock. */
#ifndef RT_RUN_INLINE_H
#define RT_RUN_INLINE_H

#include "runtime.h"

#define RT_IF 0x200ull
#define RT_NEVER UINT64_MAX /* TSC */

extern __thread struct rt_core *rt_core_self
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* The compiler must not keep it, nor its address, across a switch. NULL outside. */
static inline struct rt_core *rt_core_here(void)
{
	struct rt_core *core;

	asm volatile("mov rt_core_self@gottpoff(%%rip), %0\n\tmov %%fs:(%0), %0" : "=r"(core)
		     :: "memory");
	return core;
}

static inline struct rt_thread *rt_thread_of(struct rt_task *task)
{
	return task ? (struct rt_thread *)((char *)task - offsetof(struct rt_thread, task)) : NULL;
}

static inline uint64_t rt_tsc(void)
{
	return __builtin_ia32_rdtsc();
}

/* What the conversion needs; set before the first core runs. */
struct rt_clock {
	uint64_t tsc, ns;	/* of one moment */
	uint64_t ns_per_tick, ticks_per_ns; /* 32.32 */
};

extern struct rt_clock rt_clock __attribute__((visibility("hidden")));

static inline uint64_t rt_ns(uint64_t tsc)
{
	return rt_clock.ns +
	       (uint64_t)((unsigned __int128)(tsc - rt_clock.tsc) * rt_clock.ns_per_tick >> 32);
}

static inline uint64_t rt_ticks(uint64_t ns)
{
	const unsigned __int128 ticks = (unsigned __int128)ns * rt_clock.ticks_per_ns >> 32;

	return ticks < RT_NEVER / 2 ? (uint64_t)ticks : RT_NEVER / 2;
}

/* When the clock will show ns: not before, for rt_ns() rounds down, too. */
static inline uint64_t rt_tsc_at(uint64_t ns)
{
	uint64_t tsc;

	if (ns <= rt_clock.ns)
		return rt_clock.tsc;
	tsc = rt_clock.tsc + rt_ticks(ns - rt_clock.ns);
	if (tsc < RT_NEVER / 2 && rt_ns(tsc) < ns)
		tsc += ((ns - rt_ns(tsc)) * rt_clock.ticks_per_ns >> 32) + 1;
	return tsc;
}

static inline void rt_lock(struct rt_ticket *lock)
{
	const uint32_t mine = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != mine)
		__builtin_ia32_pause();
}

static inline void rt_unlock(struct rt_ticket *lock)
{
	__atomic_store_n(&lock->serving, lock->serving + 1, __ATOMIC_RELEASE);
}

/* Of the queue at this core. */
static inline struct rt_ticket *rt_policy_lock(uint32_t queue)
{
	return &rt.policy_lock[rt.policy->locking == RT_LOCK_CORE ? queue : 0].lock;
}

static inline uint64_t rt_interrupts_off(void)
{
	uint64_t flags;

	asm volatile("pushf\n\tpop %0\n\tcli" : "=r"(flags) :: "memory");
	return flags;
}

static inline void rt_interrupts_on(void)
{
	asm volatile("sti" ::: "memory");
}

#endif
