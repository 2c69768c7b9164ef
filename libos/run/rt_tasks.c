// SPDX-License-Identifier: MIT
/* Affinities of tasks, by /proc and sched_setaffinity(). */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt_state.h"
#include "rt_tasks.h"

#define NO_SETAFFINITY 0x04000000ul /* of the flags in /proc/PID/stat: the kernel's own binding */

static bool task_look(int pid, int tid, unsigned long *flags, uint64_t *began)
{
	char path[PATH_ROOM], text[1024], *at;
	int field;

	if (file_read(path_print(path, "/proc/%d/task/%d/stat", pid, tid), text,
		      sizeof(text)) <= 0)
		return false;
	at = strrchr(text, ')');
	for (field = 2; at && field < 9; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%lu", flags) != 1)
		return false;
	for (; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, "%" SCNu64, began) == 1;
}

/* Processes of runs, whose threads are theirs to place. */
static bool of_a_run(int pid)
{
	char path[PATH_ROOM], text[1024];

	return file_read(path_print(path, "/proc/%d/cgroup", pid), text, sizeof(text)) > 0 &&
	       strstr(text, "/dune-rt-");
}

static void process_each(int pid, void (*call)(const char *, bool, void *), void *arg)
{
	char path[PATH_ROOM], name[64];
	DIR *folder = opendir(path_print(path, "/proc/%d/task", pid));
	struct dirent *entry;
	unsigned long flags;
	uint64_t began;

	while (folder && (entry = readdir(folder))) {
		int tid = atoi(entry->d_name);

		if (tid <= 0 || !task_look(pid, tid, &flags, &began))
			continue;
		snprintf(name, sizeof(name), "%d %" PRIu64, tid, began);
		call(name, !(flags & NO_SETAFFINITY), arg);
	}
	if (folder)
		closedir(folder);
}

void tasks_each(void (*call)(const char *name, bool movable, void *arg), void *arg)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		int pid = atoi(entry->d_name);

		if (pid > 0 && !of_a_run(pid))
			process_each(pid, call, arg);
	}
	if (folder)
		closedir(folder);
}

/* Its number, 0 if it is gone and the number another's. */
static int task_number(const char *name)
{
	unsigned long flags;
	uint64_t began, now;
	int tid;

	if (sscanf(name, "%d %" SCNu64, &tid, &began) != 2)
		return 0;
	return task_look(tid, tid, &flags, &now) && now == began ? tid : 0;
}

int task_read(const char *name, char *to)
{
	int tid = task_number(name);
	struct cores cores = { 0 };

	if (!tid || sched_getaffinity(tid, sizeof(cores), (cpu_set_t *)cores.bits))
		return -ESRCH;
	cores_mask(&cores, to);
	return 1;
}

int task_write(const char *name, const char *mask)
{
	int tid = task_number(name);
	struct cores cores;

	if (!tid || !cores_parse_mask(&cores, mask))
		return -ESRCH;
	return sched_setaffinity(tid, sizeof(cores), (cpu_set_t *)cores.bits) ? -errno : 0;
}
