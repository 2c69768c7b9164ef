// SPDX-License-Identifier: MIT
/* Making, finding and locking the file of the rings. */
#include "kv/ring/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAGIC 0x32676e6972766bull	/* "kvring2" */
#define PAGE 4096u
#define WAIT_MS 10000		/* for a server that is stopped, or on a busy host */

enum { LOCK_SERVER, LOCK_GENERATOR };	/* bytes of the file that they hold */

struct ring_header {
	uint64_t magic;
	uint64_t bytes;
	uint32_t pairs;
	uint32_t sleeps;
	uint32_t generators;	/* that there have been */
};

static size_t file_size(unsigned int pairs, uint64_t bytes)
{
	return PAGE + (size_t)pairs * 2 * (PAGE + (size_t)bytes);
}

static int lock(int fd, int who)
{
	struct flock want = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = who, .l_len = 1 };

	if (!fcntl(fd, F_OFD_SETLK, &want))
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

static bool is_locked(int fd, int who)
{
	struct flock want = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = who, .l_len = 1 };

	return !fcntl(fd, F_OFD_GETLK, &want) && want.l_type != F_UNLCK;
}

static int map(struct ring_file *file)
{
	void *base;

	file->size = file_size(file->pairs, file->bytes);
	base = mmap(NULL, file->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file->fd,
		    0);
	if (base == MAP_FAILED)
		return -errno;
	file->header = base;
	return 0;
}

static void pause_ms(void)
{
	nanosleep(&(const struct timespec){ .tv_nsec = 1000000 }, NULL);
}

/* Whether the path still names what was opened by it. */
static bool is_at(int fd, const char *path)
{
	struct stat opened, named;

	return !fstat(fd, &opened) && !lstat(path, &named) && opened.st_dev == named.st_dev &&
	       opened.st_ino == named.st_ino;
}

/* A file without a name, where the path's will be: of a server killed now nothing is left. */
static int open_unnamed(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	int fd, n = snprintf(folder, sizeof(folder), "%.*s/.", slash ? (int)(slash - path) : 1,
			     slash ? path : ".");

	if (n >= (int)sizeof(folder))
		return -ENAMETOOLONG;
	fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

/*
 * What a server that was killed has left is removed; anything else is not ours to remove. Of
 * several that find it only the one that has its lock may, and only while it has the name.
 * -EAGAIN: look again, it is another one now.
 */
static int remove_old(const char *path)
{
	uint64_t magic = 0;
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), error = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	/* A file of ours has a name only when all of it is there. */
	if (pread(fd, &magic, sizeof(magic), 0) != sizeof(magic) || magic != MAGIC)
		error = -EEXIST;
	else
		error = lock(fd, LOCK_SERVER);
	if (!error && !is_at(fd, path))
		error = -EAGAIN;
	if (!error && unlink(path))
		error = -errno;
	close(fd);
	return error;
}

/* It gets the name, if no other server has it; each turn but the last is another one's deed. */
static int name(int fd, const char *path)
{
	char self[32];
	int error;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	do {
		if (!linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW))
			return 0;
		error = errno == EEXIST ? remove_old(path) : -errno;
	} while (!error || error == -EAGAIN);
	return error;
}

int ring_file_create(struct ring_file *file, const char *path, unsigned int pairs, uint64_t bytes,
		     bool sleeps)
{
	int error;

	memset(file, 0, sizeof(*file));
	file->fd = -1;
	if (!pairs || pairs > RING_PAIRS_MAX || bytes < RING_BYTES_MIN || bytes > RING_BYTES_MAX ||
	    bytes & (bytes - 1))
		return -EINVAL;
	file->pairs = pairs;
	file->bytes = bytes;
	file->path = strdup(path);
	if (!file->path)
		return -ENOMEM;
	/* Already now: else there were memory for two. */
	do
		error = remove_old(path);
	while (error == -EAGAIN);
	if (!error)
		error = file->fd = open_unnamed(path);
	if (file->fd >= 0)
		error = lock(file->fd, LOCK_SERVER);
	if (!error)
		error = -posix_fallocate(file->fd, 0, (off_t)file_size(pairs, bytes));
	if (!error)
		error = map(file);
	if (!error) {
		*file->header = (struct ring_header){ .magic = MAGIC, .bytes = bytes,
						      .pairs = pairs, .sleeps = sleeps };
		error = name(file->fd, path);
	}
	if (error)
		ring_file_close(file);
	return error;
}

/* The header as it is in the file, which is not believed before all of it fits. */
static int look(struct ring_file *file)
{
	struct ring_header header;
	struct stat stat;

	if (fstat(file->fd, &stat))
		return -errno;
	if (!S_ISREG(stat.st_mode) ||
	    pread(file->fd, &header, sizeof(header), 0) != sizeof(header) ||
	    header.magic != MAGIC || !header.pairs || header.pairs > RING_PAIRS_MAX ||
	    header.bytes < RING_BYTES_MIN || header.bytes > RING_BYTES_MAX ||
	    header.bytes & (header.bytes - 1) ||
	    (size_t)stat.st_size < file_size(header.pairs, header.bytes))
		return -EPROTO;
	file->pairs = header.pairs;
	file->bytes = header.bytes;
	return 0;
}

int ring_file_open(struct ring_file *file, const char *path)
{
	int error;

	memset(file, 0, sizeof(*file));
	file->fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (file->fd < 0)
		return -errno;
	error = look(file);
	if (!error && !ring_file_served(file))
		error = -ENOTCONN;
	if (!error)
		error = lock(file->fd, LOCK_GENERATOR);
	if (!error)
		error = map(file);
	if (error) {
		ring_file_close(file);
		return error;
	}
	file->generator =
		(uint16_t)__atomic_add_fetch(&file->header->generators, 1, __ATOMIC_RELAXED);
	return 0;
}

bool ring_file_served(const struct ring_file *file)
{
	return is_locked(file->fd, LOCK_SERVER);
}

void ring_file_close(struct ring_file *file)
{
	if (file->header)
		munmap(file->header, file->size);
	if (file->path) {
		if (is_at(file->fd, file->path))
			unlink(file->path);
		free(file->path);
	}
	if (file->fd >= 0)
		close(file->fd);
	memset(file, 0, sizeof(*file));
	file->fd = -1;
}

static struct ring_shared *shared_of(const struct ring_file *file, unsigned int pair, bool replies)
{
	return (struct ring_shared *)((char *)file->header + PAGE +
				      (2 * (size_t)pair + replies) * (PAGE + (size_t)file->bytes));
}

static char *data_of(struct ring_shared *shared)
{
	return (char *)shared + PAGE;
}

void ring_file_serve(const struct ring_file *file, unsigned int pair, struct ring *requests,
		     struct ring *replies)
{
	struct ring_shared *in = shared_of(file, pair, false), *out = shared_of(file, pair, true);

	ring_init_reader(requests, in, data_of(in), file->bytes);
	ring_init_writer(replies, out, data_of(out), file->bytes, false);
}

void ring_file_renew(struct ring *requests, struct ring *replies)
{
	requests->session = __atomic_load_n(&requests->shared->session, __ATOMIC_ACQUIRE);
	ring_restart(requests);
	ring_restart(replies);
	__atomic_store_n(&replies->shared->session, requests->session, __ATOMIC_RELEASE);
}

/*
 * The time: later than what any generator before has asked with. (One that has left a time to come
 * on purpose spoils this one's beginning if it has guessed the nanosecond.)
 */
static uint64_t session_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int ring_file_use(const struct ring_file *file, unsigned int pair, struct ring *requests,
		  struct ring *replies)
{
	struct ring_shared *in = shared_of(file, pair, false), *out = shared_of(file, pair, true);
	uint64_t session = session_now();
	unsigned int i;

	ring_init_writer(requests, in, data_of(in), file->bytes, file->header->sleeps);
	ring_init_reader(replies, out, data_of(out), file->bytes);
	__atomic_store_n(&in->session, session, __ATOMIC_RELEASE);
	if (requests->wakes)
		ring_wake(requests);
	for (i = 0; __atomic_load_n(&out->session, __ATOMIC_ACQUIRE) != session; i++) {
		if (!ring_file_served(file))
			return -ENOTCONN;
		if (i == WAIT_MS)
			return -ETIMEDOUT;
		pause_ms();
	}
	requests->at = requests->other = replies->at = replies->other = 0;
	return 0;
}
