/* SPDX-License-Identifier: MIT */
/* What is known of each run, in files: for other commands, and for who cleans up after it. */
#ifndef DUNE_RUN_RT_STATE_H
#define DUNE_RUN_RT_STATE_H

#include "rt_cores.h"
#include "rt_files.h"

#define RT_FOLDER "/run/dune/rt"
#define RUNS_MAX 64

struct run_state {
	int supervisor;
	uint64_t supervisor_began; /* its start, as /proc/PID/stat has it: numbers come again */
	int program; /* 0: not yet */
	uint64_t program_began;
	uint64_t began; /* in seconds since the boot */
	struct cores cores;
	uint64_t memory;
	char memory_kind[16]; /* hugetlb, memfd or none */
	char huge_folder[128]; /* where its pages were asked for */
	uint64_t huge_before, huge_added; /* pages */
	uint64_t huge_done; /* they were added */
	char cgroup[192]; /* "": not made yet */
	char partition[16]; /* isolated, root or none */
	char policy[16];
	uint64_t quantum;
	char command[192];
};

/* A file that only root may open, and so lock: a descriptor, or -errno. */
int state_private(const char *path);

/*
 * One at a time changes anything. The descriptor for state_unlock(), or -errno: -EAGAIN if
 * somebody else does for ms, who may be stopped.
 */
#define STATE_LOCK_MS 60000
int state_lock(int ms);
void state_unlock(int lock);

int state_save(const struct run_state *run); /* 0 or -errno */
bool state_load(int supervisor, struct run_state *run);
void state_remove(const struct run_state *run);
/* With the lock: what is left of those that were killed before or after they were a run. */
void state_tidy(void);
/* The run whose supervisor or program has this number. */
bool state_find(int pid, struct run_state *run);
/* All that there are, dead ones too: how many, at most RUNS_MAX. */
unsigned int state_list(struct run_state *runs);
bool state_alive(const struct run_state *run);
/* RT_FOLDER/SUPERVISOR/NAME, or without name its folder. */
char *state_path(char *to, int supervisor, const char *name);

/* When a process began, 0 if there is none. */
uint64_t process_began(int pid);
/* A pidfd of the process that has this number and began then; -1: that one is gone. */
int process_open(int pid, uint64_t began);
/* 0, or -1 and errno. process: of process_open(). */
int process_signal(int process, int signal);

#endif
