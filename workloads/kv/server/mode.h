/* SPDX-License-Identifier: MIT */
/*
 * Where the workers run: as ordinary threads, each in Dune mode, or as tasks of libdune's
 * runtime on cores of their own.
 *
 * Everything else in the server is plain POSIX and knows nothing of this.
 */
#ifndef SERVER_MODE_H
#define SERVER_MODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mode { MODE_LINUX, MODE_DUNE, MODE_RT };

extern const char *const mode_name[];

/*
 * Once, before any thread starts. cpus: of the runtime's cores, as in 2-3; `dune rt run' knows
 * better. 0, or -1 after saying on stderr why not.
 */
int mode_init(enum mode mode, const char *cpus);

/* First thing each worker does. 0, or -1 after saying on stderr why not. */
int mode_enter(void);

/* Last thing each worker does. */
void mode_leave(void);

/* MODE_RT instead of threads: run(arg) on a core for itself. 0 or -1, as above. */
int mode_spawn(void *(*run)(void *), void *arg, unsigned int index);
/* All of them have returned. */
void mode_wait(void);

/* Zeroed memory that was reserved for this run, aligned to 2 MiB; NULL: there is none. */
void *mode_memory(size_t size);

/* VM entries of this process so far, system calls and nested faults among them; else 0. */
struct mode_exits {
	uint64_t entries, syscalls, faults, interrupts;
};

struct mode_exits mode_exits(void);

#endif
