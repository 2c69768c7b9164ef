/* SPDX-License-Identifier: MIT */
/* A handler that keeps all it was told, and setting it. */
#ifndef TESTS_NOTED_H
#define TESTS_NOTED_H

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ucontext.h>

#include "lib/ktap.h"

static volatile sig_atomic_t seen, order[8];
static siginfo_t got;
static ucontext_t context;
static sigset_t blocked_inside;
static stack_t stack_inside;
static void *volatile frame_inside;

/* libc declares raise() and its like as calling nothing of ours: they do. */
#define BARRIER asm volatile("" ::: "memory")

static inline void note(int signal, siginfo_t *info, void *ucontext)
{
	order[seen & 7] = signal;
	seen = seen + 1;
	got = *info;
	context = *(ucontext_t *)ucontext;
	frame_inside = __builtin_frame_address(0);
	sigprocmask(SIG_BLOCK, NULL, &blocked_inside);
	sigaltstack(NULL, &stack_inside);
}

static inline void handle(int signal, void (*handler)(int, siginfo_t *, void *), int flags,
			  int also)
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO };

	if (also)
		sigaddset(&action.sa_mask, also);
	sigaction(signal, &action, NULL);
	seen = 0;
}

static inline void send(int signal)
{
	raise(signal);
	BARRIER;
}

static inline bool is_blocked(int signal)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	return sigismember(&set, signal);
}

/* One check by name; run with Linux's own delivery, then with libdune's. */
struct signal_check {
	bool (*check)(void);
	const char *name;
};

static inline void signal_checks(const struct signal_check *checks, unsigned int n,
				 const char *where)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		ktap_check(checks[i].check(), "%s, %s", checks[i].name, where);
}

#endif
