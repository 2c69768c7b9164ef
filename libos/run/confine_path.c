// SPDX-License-Identifier: MIT
/* Calls with paths: a path is made absolute and free of links, asked about, and handed on. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "../src/hidden.h"
#include "../src/text.h"
#include "confine.h"
#include "policy.h"
#include "resolve.h"

#define AT_EMPTY 0x1000

/* What a call does with its path. */
enum use { USE_LOOK, USE_MAKE };

/*
 * Where a call has its path: dir and path are numbers of arguments (dir -1: none),
 * flags is that of an argument with AT_SYMLINK_NOFOLLOW (-1: none, it follows; -2: it
 * does not). memory of `size` bytes at argument `out` is written (0: none).
 */
static const struct at {
	uint16_t nr;
	int8_t dir, path, flags, out;
	uint16_t size;
	enum use use;
} calls[] = {
	{ SYS_newfstatat, 0, 1, 3, 2, 144, USE_LOOK }, { SYS_stat, -1, 0, -1, 1, 144, USE_LOOK },
	{ SYS_lstat, -1, 0, -2, 1, 144, USE_LOOK },    { SYS_statx, 0, 1, 2, 4, 256, USE_LOOK },
	{ SYS_access, -1, 0, -1, 0, 0, USE_LOOK },     { SYS_faccessat, 0, 1, -1, 0, 0, USE_LOOK },
	{ SYS_faccessat2, 0, 1, 3, 0, 0, USE_LOOK },   { SYS_statfs, -1, 0, -1, 1, 120, USE_LOOK },
	{ SYS_chdir, -1, 0, -1, 0, 0, USE_LOOK },      { SYS_mkdir, -1, 0, -2, 0, 0, USE_MAKE },
	{ SYS_mkdirat, 0, 1, -2, 0, 0, USE_MAKE },     { SYS_rmdir, -1, 0, -2, 0, 0, USE_MAKE },
	{ SYS_unlink, -1, 0, -2, 0, 0, USE_MAKE },     { SYS_unlinkat, 0, 1, -2, 0, 0, USE_MAKE },
	{ SYS_chmod, -1, 0, -1, 0, 0, USE_MAKE },      { SYS_fchmodat, 0, 1, -1, 0, 0, USE_MAKE },
	{ SYS_truncate, -1, 0, -1, 0, 0, USE_MAKE },   { SYS_utimensat, 0, 1, 3, 0, 0, USE_MAKE },
};

static long forward(const struct dune_syscall *call)
{
	return dune_syscall_forward(call);
}

static long open_as(const struct path *path, uint64_t flags, uint64_t mode)
{
	const struct open_how how = {
		.flags = flags & (O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |
				  O_NONBLOCK | O_SYNC | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC |
				  O_NOATIME | O_PATH | 040000 /* O_DIRECT */),
		.mode = flags & O_CREAT ? mode & 07777 : 0,
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
		ret = open_as(&path, flags, mode);
		if (ret != -ELOOP || flags & O_NOFOLLOW)
			return ret;
	}
	ret = path_resolve(&path, !(flags & O_NOFOLLOW) && !(flags & O_EXCL && flags & O_CREAT));
	if (ret)
		return ret;
	if (policy_allows(right, path.text))
		return open_as(&path, flags, mode);
	confine_tell(call, path.text);
	return -EACCES;
}

/* Whether there is a link on the way, which costs two calls to find out however long it is. */
static bool has_links(const struct path *path, bool follow)
{
	long fd = open_as(path, O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW), 0);

	if (fd >= 0)
		confine_call(SYS_close, (uint64_t)fd, 0, 0, 0, 0);
	return fd == -ELOOP;
}

/* A path of a call for which Linux has no way to forbid links: nobody confined can make one. */
static long take(const struct dune_syscall *call, struct path *path, int dir, uint64_t name,
		 bool follow, enum policy_right right)
{
	long ret = path_take(path, dir, name);

	if (!ret && (!path->plain || has_links(path, follow)))
		ret = path_resolve(path, follow);
	if (!ret && !policy_allows(right, path->text)) {
		confine_tell(call, path->text);
		ret = -EACCES;
	}
	return ret;
}

static long rename_paths(struct dune_syscall *call)
{
	bool at = call->nr != SYS_rename;
	struct path from, to;
	long ret;

	ret = take(call, &from, at ? (int)call->args[0] : AT_FDCWD, call->args[at ? 1 : 0], false,
		   POLICY_WRITE);
	if (!ret)
		ret = take(call, &to, at ? (int)call->args[2] : AT_FDCWD, call->args[at ? 3 : 1],
			   false, POLICY_WRITE);
	if (ret)
		return ret;
	return confine_call(SYS_renameat2, (uint64_t)AT_FDCWD, (uint64_t)from.text,
			    (uint64_t)AT_FDCWD, (uint64_t)to.text,
			    call->nr == SYS_renameat2 ? call->args[4] : 0);
}

static long read_link(struct dune_syscall *call)
{
	int at = call->nr == SYS_readlinkat;
	struct path path;
	long ret = path_take(&path, at ? (int)call->args[0] : AT_FDCWD, call->args[at]);

	if (!confine_is_programs(call->args[at + 1], call->args[at + 2]))
		return -EFAULT;
	if (ret)
		return ret;
	/* Its own name, which the host side answers. */
	if (path.plain && path_is(&path, "/proc/self/exe"))
		return forward(call);
	if (has_links(&path, false) || !path.plain)
		ret = path_resolve(&path, false);
	if (ret)
		return ret;
	if (!policy_allows(POLICY_LOOK, path.text)) {
		confine_tell(call, path.text);
		return -EACCES;
	}
	return confine_call(SYS_readlink, (uint64_t)path.text, call->args[at + 1],
			    call->args[at + 2], 0, 0);
}

static long execute(struct dune_syscall *call)
{
	struct dune_syscall changed = *call;
	struct path path;
	long ret = take(call, &path, AT_FDCWD, call->args[0], true, POLICY_EXEC);

	if (ret)
		return ret;
	changed.args[0] = (uint64_t)path.text;
	return forward(&changed);
}

static long by_table(struct dune_syscall *call, const struct at *at)
{
	struct dune_syscall changed = *call;
	uint64_t flags = at->flags >= 0 ? call->args[at->flags] : 0;
	bool follow = at->flags != -2 && !(flags & AT_SYMLINK_NOFOLLOW);
	struct path path;
	long ret;

	if (at->size && !confine_is_programs(call->args[at->out], at->size))
		return -EFAULT;
	if (call->nr == SYS_utimensat) {
		if (!confine_is_programs(call->args[2], 32))
			return -EFAULT;
		if (!call->args[1]) /* of a descriptor */
			return forward(call);
	}
	if (flags & AT_EMPTY && path_empty(call->args[at->path])) {
		/* Whatever it names by now, Linux shall find it empty. */
		changed.args[at->path] = (uint64_t)"";
		return forward(&changed);
	}
	ret = take(call, &path, at->dir >= 0 ? (int)call->args[at->dir] : AT_FDCWD,
		   call->args[at->path], follow, at->use == USE_LOOK ? POLICY_LOOK : POLICY_WRITE);
	if (ret)
		return ret;
	if (at->dir >= 0)
		changed.args[at->dir] = (uint64_t)AT_FDCWD;
	changed.args[at->path] = (uint64_t)path.text;
	return forward(&changed);
}

bool confine_path(struct dune_syscall *call)
{
	const uint64_t *args = call->args;
	unsigned int i;

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
	case SYS_rename:
	case SYS_renameat:
	case SYS_renameat2:
		call->result = rename_paths(call);
		return true;
	case SYS_readlink:
	case SYS_readlinkat:
		call->result = read_link(call);
		return true;
	case SYS_execve:
		call->result = execute(call);
		return true;
	}
	for (i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		if (calls[i].nr == call->nr) {
			call->result = by_table(call, &calls[i]);
			return true;
		}
	}
	return false;
}
