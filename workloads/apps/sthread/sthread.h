/* SPDX-License-Identifier: MIT */
/*
 * Compartments of one process, after Wedge's sthreads: a function runs in ring 3 in
 * a root (a set of page tables) of its own, where its stack, its code and the tags
 * of its policy are all it can access; system calls are those that the policy
 * lists, on descriptors and memory that it lists. One thread of the process uses
 * them all; it is in Dune mode. Errors are -errno.
 */
#ifndef APPS_STHREAD_STHREAD_H
#define APPS_STHREAD_STHREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STHREADS_MAX 64
#define TAGS_MAX 4
#define CALLS_MAX 8

/* Functions for compartments, and constants that they use: nothing else of the program is there. */
#define STHREAD_CODE __attribute__((section("sthread_code"), noinline, used))
#define STHREAD_CONST __attribute__((section("sthread_const"), used))

/* Memory with a name, by which policies give access to it. */
struct tag {
	char *memory;
	size_t size, used;
};

struct sthread_policy {
	struct {
		struct tag *tag;
		bool write;
		bool private; /* what one sthread wrote, the next does not find */
	} tags[TAGS_MAX];
	unsigned int calls[CALLS_MAX]; /* SYS_read, SYS_write: what is known how to check */
	unsigned int n_tags, n_calls;
};

enum sthread_state { STHREAD_ENDED, STHREAD_YIELDED, STHREAD_FAULTED };

struct sthread;

/* After dune_enter(). */
int sthread_init(void);

/* size: a multiple of 4096. */
int tag_new(struct tag *tag, size_t size);
/* Memory of the tag, or NULL; it goes with the tag. */
void *smalloc(struct tag *tag, size_t size);

/*
 * A compartment in which function(arg) begins. An old one of the same policy is used
 * again, but for what its function has written. The policy must stay as it is. fd:
 * the one descriptor that its system calls may name, or -1.
 */
int sthread_create(struct sthread **sthread, const struct sthread_policy *policy, int fd,
		   void (*function)(void *), void *arg);
/* Run it until it ends, yields, or does what it may not. */
enum sthread_state sthread_run(struct sthread *sthread);
/* The address that it faulted at. */
uint64_t sthread_fault(const struct sthread *sthread);
/* It has ended. dirty: pages that were cleaned, may be NULL. On error all is zeroed. */
int sthread_free(struct sthread *sthread, unsigned int *dirty);
/* Forget those that wait to be used again: the next one is made from nothing. */
int sthread_forget(void);

/* For functions in compartments. */
static inline __attribute__((always_inline)) long sthread_call(long nr, long a, const void *b,
							       long c)
{
	long ret;

	asm volatile("syscall"
		     : "=a"(ret)
		     : "a"(nr), "D"(a), "S"(b), "d"(c)
		     : "rcx", "r11", "memory");
	return ret;
}

#endif
