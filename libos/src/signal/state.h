/* SPDX-License-Identifier: MIT */
/* What libdune keeps about signals, in Linux's formats. */
#ifndef DUNE_SRC_SIGNAL_STATE_H
#define DUNE_SRC_SIGNAL_STATE_H

#include <stdint.h>

#include "../raw.h"

#define SIGNALS 64

/* Linux's struct sigaction. */
struct signal_action {
	uint64_t handler, flags, restorer, mask;
};

/* The guest's handlers; shared by threads that share them (CLONE_SIGHAND). */
struct signal_state {
	struct raw_lock lock;
	int fatal; /* the signal by which the process ends, 0: none yet */
	struct signal_action actions[SIGNALS]; /* of signal n at n - 1 */
};

/* Linux's stack_t. */
struct signal_stack {
	uint64_t sp;
	int32_t flags, pad;
	uint64_t size;
};

/* Linux's siginfo_t: 128 bytes. */
struct signal_info {
	int32_t signo, error, code, pad;
	uint64_t address;
	uint64_t rest[13];
};

/* Of an exception on its way to a handler as a signal: what is in mcontext, not in siginfo. */
struct signal_fault {
	int signal; /* 0: none */
	uint64_t trapno, error_code, cr2;
};

#endif
