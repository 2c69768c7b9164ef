// SPDX-License-Identifier: MIT
/*
 * Linux replaces the process by the loader, which cannot give the caller an
 * errno any more: so all that can be wrong with the file is looked at before.
 * What is no program for the loader, Linux gets as it is: files of other kinds,
 * and set-user-ID programs, which lose their privilege in another's hands.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "block.h"
#include "exec.h"
#include "guest.h"
#include "monitor.h"
#include "self.h"
#include "signal/signal.h"
#include "text.h"
#include "thread.h"

#define EMPTY_PATH 0x1000 /* AT_EMPTY_PATH */
#define EACCESS 0x200	  /* AT_EACCESS */
#define HEADER_SIZE 512
#define INTERPRETERS_MAX 5

static struct {
	int loader_fd;
	bool on, only;
	const char *options[EXEC_OPTIONS_MAX + 1];
} through;

void exec_through(int loader_fd, const char *const *options, bool only)
{
	int i;

	for (i = 0; i < EXEC_OPTIONS_MAX && options[i]; i++)
		through.options[i] = options[i];
	through.loader_fd = loader_fd;
	through.only = only;
	through.on = true;
}

enum kind { KIND_OURS, KIND_LINUX, KIND_SCRIPT };

/* What the first bytes of a file say it is; the interpreter of a script goes to line. */
static enum kind kind_of(char *header, long size, char **interpreter)
{
	const unsigned char *e = (const unsigned char *)header;
	char *at = header + 2;

	if (size > 20 && e[0] == 0x7f && e[1] == 'E' && e[2] == 'L' && e[3] == 'F')
		return e[4] == 2 && e[18] == 62 && (e[16] == 2 || e[16] == 3) ? KIND_OURS :
										KIND_LINUX;
	if (size < 4 || header[0] != '#' || header[1] != '!')
		return KIND_LINUX;
	header[size - 1] = 0;
	while (*at == ' ' || *at == '\t')
		at++;
	*interpreter = at;
	while (*at && *at != ' ' && *at != '\t' && *at != '\n')
		at++;
	*at = 0;
	return **interpreter ? KIND_SCRIPT : KIND_LINUX;
}

/* 0: the loader can have it, 1: Linux's business, or the errno of execve(). */
static long look(const char *path)
{
	char header[2][HEADER_SIZE], *interpreter;
	struct stat status;
	long fd, size;
	int i;

	for (i = 0; i < INTERPRETERS_MAX; i++) {
		fd = raw_syscall3(SYS_open, (long)path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
		if (fd == -EACCES)
			return 1; /* one may execute what one may not read */
		if (fd < 0)
			return fd;
		size = raw_syscall3(SYS_fstat, fd, (long)&status, 0);
		if (!size && S_ISREG(status.st_mode))
			size = raw_syscall3(SYS_read, fd, (long)header[i & 1], HEADER_SIZE);
		raw_syscall3(SYS_close, fd, 0, 0);
		if (size < 0)
			return size;
		if (!S_ISREG(status.st_mode) || status.st_mode & (S_ISUID | S_ISGID))
			return 1;
		if (raw_syscall6(SYS_faccessat2, AT_FDCWD, (long)path, 1 /* X_OK */, EACCESS, 0, 0))
			return -EACCES;
		switch (kind_of(header[i & 1], size, &interpreter)) {
		case KIND_OURS:
			return 0;
		case KIND_LINUX:
			return 1;
		default:
			path = interpreter; /* in the other half's neighbour */
		}
	}
	return -ELOOP;
}

/* Linux would read libdune's memory, too, and pass it on. */
static bool readable(uint64_t address)
{
	return !monitor_overlaps(address, address + 8) && guest_readable(address, 8);
}

/* How many pointers before the NULL, or -EFAULT. */
static long count(uint64_t vector)
{
	long n = 0;

	for (;; n++) {
		uint64_t at = vector + (uint64_t)n * 8;

		/* Once a page. */
		if ((n == 0 || !(at & 4095)) && !readable(at))
			return -EFAULT;
		if (!*(const uint64_t *)at)
			return n;
	}
}

/* Where pointers' strings go. */
struct strings {
	char *to, *end;
};

/* Copy n strings, and the pointers: whatever others write meanwhile, they are the program's. */
static long strings_copy(struct strings *strings, const char **pointers, uint64_t vector, long n)
{
	for (; n; n--, vector += 8) {
		uint64_t at = *(const volatile uint64_t *)vector;
		bool first = true;

		*pointers++ = strings->to;
		for (;; at++, first = false) {
			if ((first || !(at & 4095)) && !readable(at & ~7ull))
				return -EFAULT;
			if (strings->to == strings->end)
				return -E2BIG;
			if (!(*strings->to++ = *(const volatile char *)at))
				break;
		}
	}
	*pointers = NULL;
	return 0;
}

/* It was measured, but is the program's and may change. */
static long path_put(char *to, const char *path, long room)
{
	while (room-- > 0)
		if (!(*to++ = *path++))
			return 0;
	return -ENAMETOOLONG;
}

/* The file of execveat() as a path: of a descriptor, what /proc says its name is. */
static long path_at(int dir, const char *path, long flags, char *to)
{
	char link[32], *at = to;
	long n;

	if (self_is(path))
		path = self_path();
	if (path[0] == '/' || (dir == AT_FDCWD && path[0])) {
		return path_put(to, path, PATH_MAX);
	}
	if (!path[0] && !(flags & EMPTY_PATH))
		return -ENOENT;
	at = text_put(link, "/proc/self/fd/");
	*text_decimal(at, (uint32_t)dir) = 0;
	n = raw_syscall3(SYS_readlink, (long)link, (long)to, PATH_MAX - 1);
	if (n < 0)
		return n == -ENOENT ? -EBADF : n;
	to[n] = 0;
	if (path[0]) {
		to[n++] = '/';
		return path_put(to + n, path, PATH_MAX - n);
	}
	return 0;
}

static long string_length(uint64_t text, long max)
{
	long n;

	for (n = 0; n < max; n++) {
		uint64_t at = text + (uint64_t)n;

		if ((n == 0 || !(at & 4095)) && !guest_readable(at & ~7ull, 8))
			return -EFAULT;
		if (!*(const char *)at)
			return n;
	}
	return -ENAMETOOLONG;
}

/* The new program would begin with all blocked: a signal that waits goes first. */
static long to_linux(struct dune_thread *thread)
{
	struct dune_regs *regs = &thread->run->regs;

	if (thread->deferred) {
		regs->rip = regs->rcx - SYSCALL_SIZE;
		monitor_to_ring3(thread);
		return (long)(uint32_t)regs->rax;
	}
	return raw_syscall6((uint32_t)regs->rax, (long)regs->rdi, (long)regs->rsi, (long)regs->rdx,
			    (long)regs->r10, (long)regs->r8, 0);
}

/* Whether the name that /proc has for fd is that of another file, or of none. */
static bool is_elsewhere(int fd, const char *name)
{
	struct stat a, b;

	return raw_syscall3(SYS_fstat, fd, (long)&a, 0) ||
	       raw_syscall3(SYS_stat, (long)name, (long)&b, 0) || a.st_dev != b.st_dev ||
	       a.st_ino != b.st_ino;
}

/* The loader's command line, in memory at argv. */
static void command_line(const char **argv, const char *path, const char *name, const char *mask,
			 const char *device, const char *const *given, long n)
{
	const char *const *option;

	*argv++ = "dune";
	*argv++ = "run";
	for (option = through.options; *option; option++)
		*argv++ = *option;
	*argv++ = "--exec";
	*argv++ = path;
	*argv++ = "--as";
	*argv++ = name;
	*argv++ = "--mask";
	*argv++ = mask;
	*argv++ = "--device";
	*argv++ = device;
	*argv++ = "--";
	if (!n)
		*argv++ = ""; /* as Linux does since 5.18 */
	while (n--)
		*argv++ = *given++;
	*argv = NULL;
}

long exec_program(struct dune_thread *thread)
{
	const struct dune_regs *regs = &thread->run->regs;
	bool at = (uint32_t)regs->rax == SYS_execveat;
	uint64_t argv = at ? regs->rdx : regs->rsi, envp = at ? regs->r10 : regs->rdx;
	const char *path = (const char *)(at ? regs->rsi : regs->rdi);
	long n = argv ? count(argv) : 0, m = envp ? count(envp) : 0, ret;
	const char **line, **args, **env;
	size_t size;
	char *memory;

	ret = through.on && n >= 0 && m >= 0 ? string_length((uint64_t)path, PATH_MAX) : -EFAULT;
	if (ret < 0 && through.only)
		return ret; /* by the time Linux looks, it might not fail */
	if (ret < 0)
		return to_linux(thread); /* it fails, and Linux says how; or it is not for us */
	size = PATH_MAX + PATH_MAX + ((size_t)n + EXEC_OPTIONS_MAX + 14) * sizeof(char *);
	if (monitor_on())
		size += ((size_t)n + (size_t)m + 2) * sizeof(char *);
	memory = monitor_on() ? block_exec_take(size) :
				(char *)raw_syscall6(SYS_mmap, 0, (long)size,
						     PROT_READ | PROT_WRITE,
						     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!memory)
		return -E2BIG;
	if ((long)memory < 0 && (long)memory > -4096)
		return (long)memory;
	/* Only a vfork child leaves it behind. */
	thread->exec_memory = memory;
	thread->exec_memory_size = size;

	line = (const char **)(memory + 2 * PATH_MAX);
	args = (const char **)argv;
	env = (const char **)envp;
	ret = path_at(at ? (int)regs->rdi : AT_FDCWD, path, at ? (long)regs->r8 : 0, memory);
	if (!ret && monitor_on()) {
		struct strings strings = { memory + size, memory + CHUNK_SIZE };

		args = line + n + EXEC_OPTIONS_MAX + 14;
		env = args + n + 1;
		ret = strings_copy(&strings, args, argv, n);
		if (!ret)
			ret = strings_copy(&strings, env, envp, m);
	}
	/* A file in memory, or one that is unlinked: only its descriptor leads to it. */
	if (!ret && at && !path[0] && is_elsewhere((int)regs->rdi, memory))
		ret = 1;
	else if (!ret)
		ret = look(memory);
	if (ret == 1) {
		ret = through.only ? -EACCES : to_linux(thread);
	} else if (!ret) {
		char mask[24], device[24];

		/* A signal waits for the new program, which is told what is really blocked. */
		signal_defer(thread);
		*text_hex(mask, thread->deferred_mask) = 0;
		/* Which the new program may have no right to open, or cannot see any more. */
		*text_decimal(device, (uint64_t)dune_process.device_fd) = 0;
		raw_syscall3(SYS_fcntl, dune_process.device_fd, F_SETFD, 0);
		command_line(line, memory, at ? memory : path, mask, device, args, n);
		ret = host_execveat(thread, through.loader_fd, "", line, env, EMPTY_PATH);
		raw_syscall3(SYS_fcntl, dune_process.device_fd, F_SETFD, FD_CLOEXEC);
	}
	exec_release(thread);
	return ret;
}

void exec_release(struct dune_thread *child)
{
	if (child->exec_memory && monitor_on())
		block_exec_drop();
	else if (child->exec_memory)
		raw_syscall3(SYS_munmap, (long)child->exec_memory,
			     (long)child->exec_memory_size, 0);
	child->exec_memory = NULL;
}
