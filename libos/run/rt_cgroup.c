// SPDX-License-Identifier: MIT
/* Partitions of control groups, version 2. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "rt_cgroup.h"

#define ENABLED RT_FOLDER "/cpuset" /* there if it was one of us who enabled the controller */
#define WAIT_MS 10000
#define STEP_MS 5

char *cgroup_mount(char *to)
{
	static char line[4096];
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char *found = NULL;

	while (file && !found && fgets(line, sizeof(line), file)) {
		char *type = strstr(line, " - cgroup2 ");
		char root[PATH_ROOM];

		if (type && sscanf(line, "%*s %*s %*s %319s %319s", root, to) == 2 &&
		    !strcmp(root, "/"))
			found = to;
	}
	if (file)
		fclose(file);
	return found;
}

/* Whether a word is in a file of words. */
static bool has_word(const char *path, const char *word)
{
	char text[512], *rest = text, *at;

	if (file_read(path, text, sizeof(text)) <= 0)
		return false;
	while ((at = strsep(&rest, " ")))
		if (!strcmp(at, word))
			return true;
	return false;
}

/* Groups below the root have cpusets. */
static int controller_enable(const char *root)
{
	char path[PATH_ROOM];
	int error, mark;

	if (has_word(path_print(path, "%s/cgroup.subtree_control", root), "cpuset"))
		return 0;
	if (!has_word(path_print(path, "%s/cgroup.controllers", root), "cpuset"))
		return -ENOTSUP;
	mark = creat(ENABLED, 0644);
	if (mark < 0)
		return -errno;
	close(mark);
	error = file_write(path_print(path, "%s/cgroup.subtree_control", root), "+cpuset");
	if (error)
		unlink(ENABLED);
	return error;
}

void cgroup_restore(void)
{
	char root[PATH_ROOM], path[PATH_ROOM];

	if (unlink(ENABLED) || !cgroup_mount(root))
		return;
	file_write(path_print(path, "%s/cgroup.subtree_control", root), "-cpuset");
}

/* The kernel takes the word, and then says in the same file whether it is so. */
static bool partition_set(struct run_state *run, const char *kind, char *why, size_t size)
{
	char path[PATH_ROOM], text[256];
	int error;

	path_print(path, "%s/cpuset.cpus.partition", run->cgroup);
	error = file_write(path, kind);
	if (error)
		snprintf(text, sizeof(text), "%s", strerror(-error));
	else if (file_read(path, text, sizeof(text)) > 0 && !strcmp(text, kind))
		return true;
	if (!*why)
		snprintf(why, size, "%s", text);
	file_write(path, "member");
	return false;
}

int cgroup_create(struct run_state *run, const char *ask, char *why, size_t size)
{
	static const char *const kinds[] = { "isolated", "root" };
	char root[PATH_ROOM], path[PATH_ROOM], list[CORES_TEXT];
	unsigned int i;
	int error, made;

	*why = 0;
	strcpy(run->partition, "none");
	if (!cgroup_mount(root))
		return -ENOENT;
	error = strcmp(ask, "none") ? controller_enable(root) : 0;
	snprintf(run->cgroup, sizeof(run->cgroup), "%.150s/dune-rt-%d", root, run->supervisor);
	/* Who is killed from now on leaves it to be found. */
	made = state_save(run);
	if (!made && mkdir(run->cgroup, 0755) && errno != EEXIST)
		made = -errno;
	if (made) {
		*run->cgroup = 0;
		return made;
	}
	if (!strcmp(ask, "none"))
		return 0;
	if (!error)
		error = file_write(path_print(path, "%s/cpuset.cpus", run->cgroup),
				   cores_list(&run->cores, list));
	if (error) {
		snprintf(why, size, "%s", error == -ENOTSUP ? "no cpuset controller in cgroup v2" :
							    strerror(-error));
		return 0;
	}
	for (i = strcmp(ask, "root") ? 0 : 1; i < 2; i++) {
		if (partition_set(run, kinds[i], why, size)) {
			strcpy(run->partition, kinds[i]);
			break;
		}
	}
	return 0;
}

unsigned int cgroup_processes(const struct run_state *run, int *pids)
{
	char path[PATH_ROOM];
	FILE *file = fopen(path_print(path, "%s/cgroup.procs", run->cgroup), "re");
	unsigned int n = 0;

	while (file && n < PIDS_MAX && fscanf(file, "%d", &pids[n]) == 1)
		n++;
	if (file)
		fclose(file);
	return n;
}

static void kill_all(const struct run_state *run)
{
	int pids[PIDS_MAX];
	char path[PATH_ROOM];
	unsigned int n;

	if (!file_write(path_print(path, "%s/cgroup.kill", run->cgroup), "1"))
		return;
	/* Before 5.14. */
	for (n = cgroup_processes(run, pids); n; n--)
		kill(pids[n - 1], SIGKILL);
}

static bool populated(const struct run_state *run)
{
	char path[PATH_ROOM], text[256];

	return file_read(path_print(path, "%s/cgroup.events", run->cgroup), text,
			 sizeof(text)) > 0 && strstr(text, "populated 1");
}

int cgroup_destroy(struct run_state *run)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000l };
	char path[PATH_ROOM];
	int waited;

	if (!*run->cgroup || access(run->cgroup, F_OK))
		return 0;
	kill_all(run);
	for (waited = 0; populated(run) && waited < WAIT_MS; waited += STEP_MS) {
		nanosleep(&step, NULL);
		if (waited % 500 == 0)
			kill_all(run);
	}
	file_write(path_print(path, "%s/cpuset.cpus.partition", run->cgroup), "member");
	for (waited = 0; rmdir(run->cgroup); waited += STEP_MS) {
		if (errno != EBUSY || waited >= WAIT_MS)
			return -errno;
		nanosleep(&step, NULL);
	}
	return 0;
}
