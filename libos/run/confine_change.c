// SPDX-License-Identifier: MIT
/*
 * Calls that change directories and what Linux knows of files. It has no way to
 * forbid them links: a confined program cannot make one, but move one to where a
 * directory was. So what is held is looked at, and used.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "../src/hidden.h"
#include "../src/text.h"
#include "confine.h"
#include "confine_path.h"
#include "hold.h"

/* That change the file. */
static const struct at changes[] = {
	{ SYS_chmod, -1, 0, -1, 0, 0 },	   { SYS_fchmodat, 0, 1, -1, 0, 0 },
	{ SYS_truncate, -1, 0, -1, 0, 0 }, { SYS_utimensat, 0, 1, 3, 0, 0 },
};

/* That change its directory. */
static const struct at entries[] = {
	{ SYS_mkdir, -1, 0, -2, 0, 0 },	 { SYS_mkdirat, 0, 1, -2, 0, 0 },
	{ SYS_rmdir, -1, 0, -2, 0, 0 },	 { SYS_unlink, -1, 0, -2, 0, 0 },
	{ SYS_unlinkat, 0, 1, -2, 0, 0 },
};

/* Hold what fd is, which may be another file by now: is it the one of this name? */
static long hold_named(const struct hold *hold, unsigned int file, long fd, const char *name)
{
	struct path path;
	long held = hold_file(hold, file, (int)fd), ret;

	path_close(fd);
	if (held < 0)
		return held;
	ret = path_of(&path, (int)held);
	return ret ? ret : path_is(&path, name) ? held : -ENOENT;
}

/* Hold the directory of a path that is without links. *last: the name in it. */
static long hold_parent(const struct hold *hold, unsigned int file, const struct path *path,
			const char **last)
{
	struct path parent = *path;
	long n = 0, slash = 0, fd;

	for (; parent.text[n]; n++)
		if (parent.text[n] == '/')
			slash = n;
	*last = path->text + slash + 1;
	if (!**last)
		return -EBUSY; /* the root */
	parent.text[slash ? slash : 1] = 0;
	fd = path_open(&parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	return fd < 0 ? fd : hold_named(hold, file, fd, parent.text);
}

static long change_held(const struct dune_syscall *call, uint64_t fd)
{
	const uint64_t *args = call->args;
	char name[32];

	*text_decimal(text_put(name, "/proc/self/fd/"), fd) = 0;
	switch (call->nr) {
	case SYS_utimensat:
		return confine_call(SYS_utimensat, fd, (uint64_t)"", args[2], AT_EMPTY, 0);
	case SYS_truncate:
		return confine_call(SYS_truncate, (uint64_t)name, args[1], 0, 0, 0);
	default:
		return confine_call(SYS_chmod, (uint64_t)name,
				    args[call->nr == SYS_fchmodat ? 2 : 1] & MODE_BITS, 0, 0, 0);
	}
}

/* Of a file that is open, for whatever: its name says whether it may be changed. */
static long change_open(const struct dune_syscall *call, int fd)
{
	struct hold hold;
	struct path path;
	long ret, held, again;
	char name[32];

	if (hidden_is((uint32_t)fd))
		return -EBADF;
	*text_decimal(text_put(name, "/proc/self/fd/"), (uint32_t)fd) = 0;
	/* Should the descriptor itself be held and closed, the process would lose its locks. */
	again = confine_call(SYS_open, (uint64_t)name, O_PATH | O_CLOEXEC, 0, 0, 0);
	if (again < 0)
		return again == -ENOENT ? -EBADF : again;
	ret = hold_begin(&hold);
	if (ret) {
		path_close(again);
		return ret;
	}
	ret = held = hold_file(&hold, 0, (int)again);
	path_close(again);
	if (ret >= 0)
		ret = path_of(&path, (int)held);
	if (!ret && !policy_allows(POLICY_WRITE, path.text)) {
		confine_tell(call, path.text);
		ret = -EACCES;
	}
	if (!ret)
		ret = change_held(call, (uint64_t)held);
	hold_end(&hold);
	return ret;
}

static long change(const struct dune_syscall *call, const struct at *at)
{
	struct hold hold;
	struct path path;
	long fd, ret;

	if (call->nr == SYS_utimensat && !confine_is_programs(call->args[2], 32))
		return -EFAULT;
	if (call->nr == SYS_utimensat &&
	    (!call->args[1] ||
	     (path_flags(call, at) & AT_EMPTY && path_empty(call->args[at->path]))))
		return change_open(call, path_dir(call, at));
	fd = path_take_open(call, &path, path_dir(call, at), call->args[at->path],
			    path_follows(call, at), POLICY_WRITE);
	if (fd < 0)
		return fd;
	ret = hold_begin(&hold);
	if (ret) {
		path_close(fd);
		return ret;
	}
	ret = hold_named(&hold, 0, fd, path.text);
	if (ret >= 0)
		ret = change_held(call, (uint64_t)ret);
	hold_end(&hold);
	return ret;
}

/* Hold the directory of the path that a call names, if the policy allows it. */
static long take_parent(const struct dune_syscall *call, const struct hold *hold,
			unsigned int file, struct path *path, int dir, uint64_t name,
			const char **last)
{
	long ret = path_take(path, dir, name);

	if (!ret && path->plain && policy_allows(POLICY_WRITE, path->text)) {
		ret = hold_parent(hold, file, path, last);
		if (ret != -ELOOP)
			return ret;
		ret = 0;
	}
	if (!ret)
		ret = path_resolve(path, false);
	if (!ret && !policy_allows(POLICY_WRITE, path->text)) {
		confine_tell(call, path->text);
		ret = -EACCES;
	}
	return ret ? ret : hold_parent(hold, file, path, last);
}

static long entry(const struct dune_syscall *call, const struct at *at)
{
	const uint64_t *args = call->args;
	const char *name;
	struct hold hold;
	struct path path;
	long ret = hold_begin(&hold);

	if (ret)
		return ret;
	ret = take_parent(call, &hold, 0, &path, path_dir(call, at), args[at->path], &name);
	if (ret >= 0 && (call->nr == SYS_mkdir || call->nr == SYS_mkdirat))
		ret = confine_call(SYS_mkdirat, (uint64_t)ret, (uint64_t)name,
				   args[at->path + 1] & MODE_BITS, 0, 0);
	else if (ret >= 0)
		ret = confine_call(SYS_unlinkat, (uint64_t)ret, (uint64_t)name,
				   call->nr == SYS_rmdir    ? AT_REMOVEDIR :
				   call->nr == SYS_unlinkat ? args[2] :
							      0,
				   0, 0);
	hold_end(&hold);
	return ret;
}

static long rename_paths(const struct dune_syscall *call)
{
	const uint64_t *args = call->args;
	bool at = call->nr != SYS_rename;
	long ret, from_dir = 0;
	const char *names[2];
	struct path from, to;
	struct hold hold;

	ret = hold_begin(&hold);
	if (ret)
		return ret;
	ret = from_dir = take_parent(call, &hold, 0, &from, at ? (int)args[0] : AT_FDCWD,
				     args[at ? 1 : 0], &names[0]);
	if (ret >= 0)
		ret = take_parent(call, &hold, 1, &to, at ? (int)args[2] : AT_FDCWD,
				  args[at ? 3 : 1], &names[1]);
	if (ret >= 0)
		ret = confine_call(SYS_renameat2, (uint64_t)from_dir, (uint64_t)names[0],
				   (uint64_t)ret, (uint64_t)names[1],
				   call->nr == SYS_renameat2 ? args[4] : 0);
	hold_end(&hold);
	return ret;
}

bool confine_change(struct dune_syscall *call)
{
	const struct at *at;

	switch (call->nr) {
	case SYS_fchmod:
		call->result = change_open(call, (int)call->args[0]);
		return true;
	case SYS_rename:
	case SYS_renameat:
	case SYS_renameat2:
		call->result = rename_paths(call);
		return true;
	}
	at = path_call(changes, sizeof(changes) / sizeof(*changes), call->nr);
	if (at) {
		call->result = change(call, at);
		return true;
	}
	at = path_call(entries, sizeof(entries) / sizeof(*entries), call->nr);
	if (at)
		call->result = entry(call, at);
	return at;
}
