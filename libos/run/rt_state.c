// SPDX-License-Identifier: MIT
/* The files of each run. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "rt_state.h"

#define LOCK_STEP_MS 10
#define LOCK_TELL_MS 3000 /* then it is not somebody quick */

char *state_path(char *to, int supervisor, const char *name)
{
	return path_print(to, RT_FOLDER "/%d%s%s", supervisor, name ? "/" : "", name ? name : "");
}

int state_private(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), error;

	if (fd < 0)
		return -errno;
	if (!fchmod(fd, 0600)) /* it may be there already */
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static sigset_t mask_before;

/* Whoever has it says who that is, for those who wait. */
static void lock_sign(int fd)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", getpid());

	if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) != n)
		return; /* nobody waits for that */
}

static void lock_tell(void)
{
	int holder = (int)file_number(RT_FOLDER "/lock");
	char path[PATH_ROOM], text[1024], *at = NULL;

	if (file_read(path_print(path, "/proc/%d/stat", holder), text, sizeof(text)) > 0)
		at = strrchr(text, ')');
	fprintf(stderr, "dune: waiting for process %d, which reserves or gives back%s\n", holder,
		at && at[1] && (at[2] == 'T' || at[2] == 't') ? ", and is stopped: kill -CONT it" :
								"");
}

/* 0, or -errno: -EAGAIN if somebody else has it for as long. */
static int lock_wait(int fd, int ms)
{
	const struct timespec step = { .tv_nsec = LOCK_STEP_MS * 1000000l };
	int waited;

	for (waited = 0; flock(fd, LOCK_EX | LOCK_NB); waited += LOCK_STEP_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (waited >= ms)
			return -EAGAIN;
		if (waited == LOCK_TELL_MS)
			lock_tell();
		nanosleep(&step, NULL);
	}
	return 0;
}

int state_lock(int ms)
{
	sigset_t stops;
	int fd, error;

	mkdir("/run/dune", 0755);
	mkdir(RT_FOLDER, 0755);
	fd = state_private(RT_FOLDER "/lock");
	if (fd < 0)
		return fd;
	/* Whoever is stopped from the keyboard here would stop all other commands. */
	sigemptyset(&stops);
	sigaddset(&stops, SIGTSTP);
	sigaddset(&stops, SIGTTIN);
	sigaddset(&stops, SIGTTOU);
	sigprocmask(SIG_BLOCK, &stops, &mask_before);
	error = lock_wait(fd, ms);
	if (error) {
		sigprocmask(SIG_SETMASK, &mask_before, NULL);
		close(fd);
		return error;
	}
	lock_sign(fd);
	return fd;
}

void state_unlock(int lock)
{
	/* Children that have not executed anything yet have the descriptor, too. */
	flock(lock, LOCK_UN);
	close(lock);
	sigprocmask(SIG_SETMASK, &mask_before, NULL);
}

uint64_t process_began(int pid)
{
	char path[PATH_ROOM], text[1024], *at;
	uint64_t began = 0;
	int field;

	if (file_read(path_print(path, "/proc/%d/stat", pid), text, sizeof(text)) <= 0)
		return 0;
	at = strrchr(text, ')');
	if (!at || at[2] == 'Z' || at[2] == 'X')
		return 0;
	for (field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, "%" SCNu64, &began) == 1 ? began : 0;
}

int process_open(int pid, uint64_t began)
{
	int process = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

	/* The descriptor is of one process; whose start is it then? */
	if (process >= 0 && (!began || process_began(pid) != began)) {
		close(process);
		process = -1;
	}
	return process;
}

int process_signal(int process, int signal)
{
	return (int)syscall(SYS_pidfd_send_signal, process, signal, NULL, 0);
}

/* Kind, name in the file, field: u number, i int, s string, c cores. */
#define FIELDS(X)                                 \
	X(i, supervisor) X(u, supervisor_began)   \
	X(i, program) X(u, program_began)         \
	X(u, began) X(c, cores)                   \
	X(u, memory) X(s, memory_kind)            \
	X(s, huge_folder) X(u, huge_before) X(u, huge_added) \
	X(u, huge_done)                           \
	X(s, cgroup) X(s, partition)              \
	X(s, policy) X(u, quantum) X(s, command)

static void put_u(FILE *file, const char *name, const uint64_t *value)
{
	fprintf(file, "%s=%" PRIu64 "\n", name, *value);
}

static void put_i(FILE *file, const char *name, const int *value)
{
	fprintf(file, "%s=%d\n", name, *value);
}

static void put_s(FILE *file, const char *name, const char (*value)[])
{
	fprintf(file, "%s=%s\n", name, *value);
}

static void put_c(FILE *file, const char *name, const struct cores *value)
{
	char text[CORES_TEXT];

	fprintf(file, "%s=%s\n", name, cores_list(value, text));
}

int state_save(const struct run_state *run)
{
	char path[PATH_ROOM], new[PATH_ROOM];
	FILE *file;
	int error;

	mkdir(state_path(path, run->supervisor, NULL), 0755);
	file = fopen(state_path(new, run->supervisor, "run.new"), "we");
	if (!file)
		return -errno;
#define PUT(kind, name) put_##kind(file, #name, &run->name);
	FIELDS(PUT)
	error = ferror(file) ? -EIO : 0;
	if (fclose(file) || (!error && rename(new, state_path(path, run->supervisor, "run"))))
		error = -errno;
	if (error)
		unlink(new); /* a full disk keeps nothing of it */
	return error;
}

static void get_u(const char *text, uint64_t *value, size_t size)
{
	(void)size;
	*value = strtoull(text, NULL, 10);
}

static void get_i(const char *text, int *value, size_t size)
{
	(void)size;
	*value = atoi(text);
}

static void get_s(const char *text, char (*value)[], size_t size)
{
	snprintf(*value, size, "%s", text);
}

static void get_c(const char *text, struct cores *value, size_t size)
{
	(void)size;
	if (cores_parse(value, text))
		memset(value, 0, sizeof(*value));
}

bool state_load(int supervisor, struct run_state *run)
{
	char path[PATH_ROOM], line[CORES_TEXT + 64];
	FILE *file = fopen(state_path(path, supervisor, "run"), "re");

	memset(run, 0, sizeof(*run));
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		char *value = strchr(line, '=');

		if (!value)
			continue;
		*value++ = 0;
		value[strcspn(value, "\n")] = 0;
#define GET(kind, name)                \
		if (!strcmp(line, #name)) \
			get_##kind(value, (void *)&run->name, sizeof(run->name));
		FIELDS(GET)
	}
	fclose(file);
	return run->supervisor == supervisor;
}

void state_remove(const struct run_state *run)
{
	static const char *const names[] = { "run", "run.new", "interrupts", "shared", "writer" };
	char path[PATH_ROOM];
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(state_path(path, run->supervisor, names[i]));
	rmdir(state_path(path, run->supervisor, NULL));
}

unsigned int state_list(struct run_state *runs)
{
	DIR *folder = opendir(RT_FOLDER);
	struct dirent *entry;
	unsigned int n = 0;

	while (folder && n < RUNS_MAX && (entry = readdir(folder)))
		if (atoi(entry->d_name) > 0 && state_load(atoi(entry->d_name), &runs[n]))
			n++;
	if (folder)
		closedir(folder);
	return n;
}

void state_tidy(void)
{
	DIR *folder = opendir(RT_FOLDER);
	struct dirent *entry;
	struct run_state run;

	while (folder && (entry = readdir(folder))) {
		int supervisor = atoi(entry->d_name);

		if (supervisor <= 0 || state_load(supervisor, &run))
			continue;
		run.supervisor = supervisor;
		state_remove(&run);
	}
	if (folder)
		closedir(folder);
}

bool state_find(int pid, struct run_state *run)
{
	static struct run_state runs[RUNS_MAX];
	unsigned int i, n = state_list(runs);

	for (i = 0; i < n; i++) {
		if (runs[i].supervisor == pid || runs[i].program == pid) {
			*run = runs[i];
			return true;
		}
	}
	return false;
}

bool state_alive(const struct run_state *run)
{
	return run->supervisor_began && process_began(run->supervisor) == run->supervisor_began;
}
