// SPDX-License-Identifier: MIT
/* An instance of tracefs: a buffer of its own, filtered by thread. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tracefs.h"

#define BUFFER_KIB "4096" /* for each CPU: some 50,000 events */

static char instance[96];

static int put(const char *file, const char *text, int flags)
{
	char path[192];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", instance, file);
	fd = open(path, O_WRONLY | O_CLOEXEC | flags);
	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return (int)n;
}

static int complain(const char *what, int error)
{
	fprintf(stderr, "dune: %s: %s\n", what, strerror(-error));
	return -1;
}

/* Where it is mounted, or NULL after a message. */
static const char *mounted(void)
{
	static const char *const places[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	char path[96];
	int i;

	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/instances", places[i]);
		if (!access(path, F_OK))
			return places[i];
	}
	if (errno == EACCES)
		fprintf(stderr, "dune: %s: %s; be root\n", places[0], strerror(errno));
	else
		fprintf(stderr, "dune: no tracefs: mount -t tracefs nodev %s first\n", places[0]);
	return NULL;
}

static int threads_add(int pid)
{
	char path[40], text[16];
	struct dirent *entry;
	DIR *folder;
	int error = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	folder = opendir(path);
	if (!folder)
		return -ESRCH;
	while (!error && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(text, sizeof(text), "%.10s\n", entry->d_name);
		error = put("set_event_pid", text, O_APPEND);
		if (error == -ESRCH)
			error = 0; /* it has just ended */
	}
	closedir(folder);
	return error;
}

int tracefs_begin(int pid, bool all)
{
	const char *place = mounted();
	char path[192];
	int error, fd;

	if (!place)
		return -1;
	snprintf(instance, sizeof(instance), "%s/instances/dune-%d", place, getpid());
	if (mkdir(instance, 0700))
		return complain(instance, -errno);
	put("buffer_size_kb", BUFFER_KIB, 0); /* with a smaller one more is lost, and said so */
	put("options/event-fork", "1", 0);
	put("tracing_on", "0", 0); /* to begin with all of them at once */
	error = threads_add(pid);
	if (!error)
		error = put(all ? "events/dune/enable" : "events/dune/dune_vmexit/enable", "1", 0);
	if (!error && !all)
		error = put("events/dune/dune_syscall/enable", "1", 0);
	put("tracing_on", "1", 0);
	snprintf(path, sizeof(path), "%s/trace_pipe", instance);
	fd = error ? -1 : open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (error == -ENOENT)
		fprintf(stderr, "dune: no events of the module in %s: is dune.ko loaded?\n", place);
	else if (error == -ESRCH)
		fprintf(stderr, "dune: %d: no such process\n", pid);
	else
		complain(instance, error ? error : -errno);
	rmdir(instance);
	return -1;
}

void tracefs_stop(void)
{
	put("events/dune/enable", "0", 0);
}

void tracefs_end(int fd)
{
	close(fd);
	rmdir(instance);
}
