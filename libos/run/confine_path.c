// SPDX-License-Identifier: MIT
/* Calls that open, look at and execute files, by paths that are absolute and free of links. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "../src/hidden.h"
#include "../src/text.h"
#include "confine.h"
#include "confine_path.h"
#include "policy.h"
#include "resolve.h"

/* That look at the file. */
static const struct at looks[] = {
	{ SYS_newfstatat, 0, 1, 3, 2, 144 }, { SYS_stat, -1, 0, -1, 1, 144 },
	{ SYS_lstat, -1, 0, -2, 1, 144 },    { SYS_statx, 0, 1, 2, 4, 256 },
	{ SYS_access, -1, 0, -1, 0, 0 },     { SYS_faccessat, 0, 1, -1, 0, 0 },
	{ SYS_faccessat2, 0, 1, 3, 0, 0 },   { SYS_statfs, -1, 0, -1, 1, 120 },
	{ SYS_chdir, -1, 0, -1, 0, 0 },      { SYS_readlink, -1, 0, -2, 0, 0 },
	{ SYS_readlinkat, 0, 1, -2, 0, 0 },
};

static long forward(const struct dune_syscall *call)
{
	return dune_syscall_forward(call);
}

long path_open(const struct path *path, uint64_t flags, uint64_t mode)
{
	const struct open_how how = {
		.flags = flags & (O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |
				  O_NONBLOCK | O_SYNC | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC |
				  O_NOATIME | O_PATH | 040000 /* O_DIRECT */),
		.mode = flags & O_CREAT ? mode & MODE_BITS : 0,
		.resolve = RESOLVE_NO_SYMLINKS,
	};

	return confine_call(SYS_openat2, (uint64_t)AT_FDCWD, (uint64_t)path->text, (uint64_t)&how,
			    sizeof(how), 0);
}

/* Linux opens what was looked at or, if a link came in between, nothing. */
static long open_path(const struct dune_syscall *call, int dir, uint64_t name, uint64_t flags,
		      uint64_t mode)
{
	enum policy_right right = flags & (O_ACCMODE | O_CREAT | O_TRUNC) ? POLICY_WRITE :
									   POLICY_READ;
	struct path path;
	long ret = path_take(&path, dir, name);

	if ((flags & O_TMPFILE) == O_TMPFILE)
		return -EOPNOTSUPP;
	if (ret)
		return ret;
	if (path.plain && policy_allows(right, path.text)) {
		ret = path_open(&path, flags, mode);
		if (ret != -ELOOP || flags & O_NOFOLLOW)
			return ret;
	}
	ret = path_resolve(&path, !(flags & O_NOFOLLOW) && !(flags & O_EXCL && flags & O_CREAT));
	if (ret)
		return ret;
	if (policy_allows(right, path.text))
		return path_open(&path, flags, mode);
	confine_tell(call, path.text);
	return -EACCES;
}

void path_close(long fd)
{
	confine_call(SYS_close, (uint64_t)fd, 0, 0, 0, 0);
}

/* Without links on the way, which is nearly always, Linux is asked once. */
long path_take_open(const struct dune_syscall *call, struct path *path, int dir, uint64_t name,
		      bool follow, enum policy_right right)
{
	uint64_t flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW);
	long ret = path_take(path, dir, name);

	if (!ret && path->plain && policy_allows(right, path->text)) {
		ret = path_open(path, flags, 0);
		if (ret != -ELOOP)
			return ret;
		ret = 0;
	}
	if (!ret)
		ret = path_resolve(path, follow);
	if (!ret && !policy_allows(right, path->text)) {
		confine_tell(call, path->text);
		ret = -EACCES;
	}
	return ret ? ret : path_open(path, flags, 0);
}

static long execute(struct dune_syscall *call)
{
	struct dune_syscall changed = *call;
	struct path path;
	long fd = path_take_open(call, &path, AT_FDCWD, call->args[0], true, POLICY_EXEC);

	if (fd < 0)
		return fd;
	path_close(fd);
	changed.args[0] = (uint64_t)path.text;
	return forward(&changed);
}

int path_dir(const struct dune_syscall *call, const struct at *at)
{
	return at->dir >= 0 ? (int)call->args[at->dir] : AT_FDCWD;
}

uint64_t path_flags(const struct dune_syscall *call, const struct at *at)
{
	return at->flags >= 0 ? call->args[at->flags] : 0;
}

bool path_follows(const struct dune_syscall *call, const struct at *at)
{
	return at->flags != -2 && !(path_flags(call, at) & AT_SYMLINK_NOFOLLOW);
}

const struct at *path_call(const struct at *table, unsigned int n, uint64_t nr)
{
	for (; n; n--, table++)
		if (table->nr == nr)
			return table;
	return NULL;
}

/* Should another thread change what fd is, then to what it could look at anyway. */
static long look_at(const struct dune_syscall *call, uint64_t fd)
{
	const uint64_t *args = call->args, empty = (uint64_t)"";

	switch (call->nr) {
	case SYS_stat:
	case SYS_lstat:
		return confine_call(SYS_newfstatat, fd, empty, args[1], AT_EMPTY, 0);
	case SYS_newfstatat:
		return confine_call(SYS_newfstatat, fd, empty, args[2], args[3] | AT_EMPTY, 0);
	case SYS_statx:
		return confine_call(SYS_statx, fd, empty, args[2] | AT_EMPTY, args[3], args[4]);
	case SYS_access:
		return confine_call(SYS_faccessat2, fd, empty, args[1], AT_EMPTY, 0);
	case SYS_faccessat:
		return confine_call(SYS_faccessat2, fd, empty, args[2], AT_EMPTY, 0);
	case SYS_faccessat2:
		return confine_call(SYS_faccessat2, fd, empty, args[2], args[3] | AT_EMPTY, 0);
	case SYS_statfs:
		return confine_call(SYS_fstatfs, fd, args[1], 0, 0, 0);
	case SYS_readlink:
		return confine_call(SYS_readlinkat, fd, empty, args[1], args[2], 0);
	case SYS_readlinkat:
		return confine_call(SYS_readlinkat, fd, empty, args[2], args[3], 0);
	default:
		return confine_call(SYS_fchdir, fd, 0, 0, 0, 0);
	}
}

static bool is_readlink(const struct dune_syscall *call)
{
	return call->nr == SYS_readlink || call->nr == SYS_readlinkat;
}

static long look(const struct dune_syscall *call, const struct at *at)
{
	struct dune_syscall changed = *call;
	struct path path;
	long fd, ret;

	if (is_readlink(call) &&
	    !confine_is_programs(call->args[at->path + 1], call->args[at->path + 2]))
		return -EFAULT;
	if (at->size && !confine_is_programs(call->args[at->out], at->size))
		return -EFAULT;
	if (path_flags(call, at) & AT_EMPTY && path_empty(call->args[at->path])) {
		/* Whatever it names by now, Linux shall find it empty. */
		changed.args[at->path] = (uint64_t)"";
		return forward(&changed);
	}
	/* Its own name, which the host side answers. */
	if (is_readlink(call) &&
	    !path_take(&path, path_dir(call, at), call->args[at->path]) &&
	    path_is(&path, "/proc/self/exe")) {
		changed.args[at->path] = (uint64_t)path.text;
		return forward(&changed);
	}
	fd = path_take_open(call, &path, path_dir(call, at), call->args[at->path],
			    path_follows(call, at), POLICY_LOOK);
	if (fd < 0)
		return fd;
	ret = look_at(call, (uint64_t)fd);
	path_close(fd);
	return is_readlink(call) && ret == -ENOENT ? -EINVAL : ret; /* it is no link */
}

bool confine_path(struct dune_syscall *call)
{
	const uint64_t *args = call->args;
	const struct at *at;

	switch (call->nr) {
	case SYS_open:
		call->result = open_path(call, AT_FDCWD, args[0], args[1], args[2]);
		return true;
	case SYS_creat:
		call->result = open_path(call, AT_FDCWD, args[0], O_CREAT | O_WRONLY | O_TRUNC,
					 args[1]);
		return true;
	case SYS_openat:
		call->result = open_path(call, (int)args[0], args[1], args[2], args[3]);
		return true;
	case SYS_execve:
		call->result = execute(call);
		return true;
	}
	at = path_call(looks, sizeof(looks) / sizeof(*looks), call->nr);
	if (at)
		call->result = look(call, at);
	return at;
}
