// SPDX-License-Identifier: MIT
/* Copies, completes and resolves paths. */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include <dune/syscall.h>

#include "../src/text.h"
#include "confine.h"
#include "resolve.h"

#define LINKS_MAX 40

static long length(const char *text)
{
	long n = 0;

	while (text[n])
		n++;
	return n;
}

static void copy(char *to, const char *from, long n)
{
	while (n--)
		*to++ = *from++;
}

/* Up to each page's end at a time, where the string may end and nothing follow. */
static long string_read(char *to, uint64_t address, long room)
{
	long n = 0, i;

	while (n < room) {
		uint64_t at = address + (uint64_t)n;
		long part = 256 - (long)(at & 255);

		if (part > room - n)
			part = room - n;
		if (!confine_is_programs(at, (uint64_t)part) ||
		    dune_syscall_read(to + n, at, (uint64_t)part))
			return -EFAULT;
		for (i = n; i < n + part; i++)
			if (!to[i])
				return i;
		n += part;
	}
	return -ENAMETOOLONG;
}

static long name_of(int fd, char *to, long room)
{
	char link[32];
	long n;

	*text_decimal(text_put(link, "/proc/self/fd/"), (uint32_t)fd) = 0;
	n = confine_call(SYS_readlink, (uint64_t)link, (uint64_t)to, (uint64_t)room, 0, 0);
	if (n < 0)
		return n == -ENOENT ? -EBADF : n;
	return n == room ? -ENAMETOOLONG : n;
}

/* The directory that a relative path begins at. */
static long begin_of(int dir, char *to, long room)
{
	long n;

	if (dir == AT_FDCWD) {
		n = confine_call(SYS_getcwd, (uint64_t)to, (uint64_t)room, 0, 0, 0);
		return n < 0 ? n : n - 1;
	}
	n = name_of(dir, to, room);
	return n < 0 || to[0] == '/' ? n : -ENOTDIR;
}

static bool is_plain(const char *text)
{
	long i;

	for (i = 0; text[i]; i++) {
		const char *next = text + i + 1;

		if (text[i] != '/')
			continue;
		if (!*next || *next == '/')
			return i == 0 && !*next;
		if (*next == '.' && (!next[1] || next[1] == '/' ||
				     (next[1] == '.' && (!next[2] || next[2] == '/'))))
			return false;
	}
	return true;
}

long path_take(struct path *path, int dir, uint64_t address)
{
	char *text = path->text;
	long n = string_read(text, address, PATH_ROOM), before;

	if (n < 0)
		return n;
	if (!n)
		return -ENOENT;
	if (text[0] != '/') {
		char start[PATH_ROOM];
		long i;

		before = begin_of(dir, start, PATH_ROOM);
		if (before < 0)
			return before;
		if (before == 1)
			before = 0; /* the root's own name is the slash to come */
		if (before + 1 + n >= PATH_ROOM)
			return -ENAMETOOLONG;
		for (i = n; i >= 0; i--)
			text[before + 1 + i] = text[i];
		copy(text, start, before);
		text[before] = '/';
	}
	path->plain = is_plain(text);
	return 0;
}

long path_of(struct path *path, int fd)
{
	long n = name_of(fd, path->text, PATH_ROOM);

	if (n < 0)
		return n;
	path->text[n] = 0;
	path->plain = is_plain(path->text);
	return 0;
}

/* The path so far, and what is still to come of it, which lies at its buffer's end. */
struct walk {
	char out[PATH_ROOM], rest[PATH_ROOM];
	long n, at;
};

static long push(struct walk *walk, const char *text, long n)
{
	if (n > walk->at)
		return -ENAMETOOLONG;
	walk->at -= n;
	copy(walk->rest + walk->at, text, n);
	return 0;
}

static void up(struct walk *walk)
{
	while (walk->n && walk->out[--walk->n] != '/')
		;
}

/* The next component has been added: if it is a link, what it points to comes next. */
static long follow_link(struct walk *walk, bool last)
{
	char link[PATH_ROOM];
	long n;

	walk->out[walk->n] = 0;
	n = confine_call(SYS_readlink, (uint64_t)walk->out, (uint64_t)link, sizeof(link), 0, 0);
	if (n == -EINVAL || (n == -ENOENT && last))
		return 0;
	if (n < 0)
		return n;
	if (n == sizeof(link) || push(walk, "/", 1) || push(walk, link, n))
		return -ENAMETOOLONG;
	up(walk);
	if (link[0] == '/')
		walk->n = 0;
	return 1;
}

static bool only_slashes(const char *text)
{
	while (*text == '/')
		text++;
	return !*text;
}

long path_resolve(struct path *path, bool follow)
{
	struct walk walk = { .n = 0, .at = PATH_ROOM - 1 };
	long links = 0, ret;

	walk.rest[walk.at] = 0;
	ret = push(&walk, path->text, length(path->text));
	while (!ret) {
		const char *part;
		bool last;
		long n = 0;

		while (walk.rest[walk.at] == '/')
			walk.at++;
		part = walk.rest + walk.at;
		if (!*part)
			break;
		while (part[n] && part[n] != '/')
			n++;
		walk.at += n;
		last = only_slashes(part + n);
		if (n == 1 && part[0] == '.')
			continue;
		if (n == 2 && part[0] == '.' && part[1] == '.') {
			up(&walk);
			continue;
		}
		if (walk.n + n + 2 > PATH_ROOM)
			return -ENAMETOOLONG;
		walk.out[walk.n++] = '/';
		copy(walk.out + walk.n, part, n);
		walk.n += n;
		if (last && !follow)
			break;
		ret = follow_link(&walk, last);
		if (ret > 0 && ++links > LINKS_MAX)
			return -ELOOP;
		ret = ret > 0 ? 0 : ret;
	}
	if (ret)
		return ret;
	if (!walk.n)
		walk.out[walk.n++] = '/';
	copy(path->text, walk.out, walk.n);
	path->text[walk.n] = 0;
	path->plain = true;
	return 0;
}

bool path_is(const struct path *path, const char *text)
{
	long n = length(text);

	while (n >= 0 && path->text[n] == text[n])
		n--;
	return n < 0;
}

bool path_empty(uint64_t address)
{
	char first;

	return !address || (confine_is_programs(address, 1) &&
			    !dune_syscall_read(&first, address, 1) && !first);
}
