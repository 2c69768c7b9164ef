// SPDX-License-Identifier: MIT
/* Finds the program, maps it, and begins it in Dune mode. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/rseq.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <dune/lifecycle.h>

#include "../src/exec.h"
#include "../src/gdb/listen.h"
#include "../src/hidden.h"
#include "../src/host.h"
#include "../src/monitor.h"
#include "../src/self.h"
#include "../src/start.h"
#include "../src/terminal.h"
#include "confine.h"
#include "image.h"
#include "policy.h"
#include "run.h"
#include "script.h"
#include "stack.h"
#include "tell.h"
#include "trace.h"

extern char **environ;
extern char __executable_start[], _end[]; /* the linker's */

#define PIE_BASE 0x555555554000ull /* where Linux begins to place programs */
#define PIE_RANDOM_BITS 28

static int complain(int status, const char *path, const char *why)
{
	fprintf(stderr, "dune: %s: %s\n", path, why);
	return status;
}

static int status_of(int error)
{
	return error == ENOENT || error == ENOTDIR ? RUN_NOT_FOUND : RUN_NOT_EXECUTABLE;
}

static bool executable(const char *path)
{
	struct stat status;

	return !stat(path, &status) && S_ISREG(status.st_mode) &&
	       !faccessat(AT_FDCWD, path, X_OK, AT_EACCESS);
}

/* As a shell does. errno says why not. */
const char *run_search(const char *name, char *buffer)
{
	const char *path = getenv("PATH"), *end;
	int error = ENOENT;

	if (strchr(name, '/'))
		return name;
	for (path = path ? path : "/bin:/usr/bin"; *name; path = end + 1) {
		end = strchrnul(path, ':');
		if (snprintf(buffer, PATH_MAX, "%.*s%s%s", (int)(end - path), path,
			     end > path ? "/" : "", name) < PATH_MAX && executable(buffer))
			return buffer;
		if (!access(buffer, F_OK))
			error = EACCES;
		if (!*end)
			break;
	}
	errno = error;
	return NULL;
}

static int open_executable(const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &status))
		return -errno;
	if (S_ISREG(status.st_mode) && executable(path))
		return fd;
	close(fd);
	return S_ISDIR(status.st_mode) ? -EISDIR : -EACCES;
}

static uint64_t place(void)
{
	uint64_t random = 0;

	if (!(personality(0xffffffff) & ADDR_NO_RANDOMIZE))
		getrandom(&random, sizeof(random), GRND_INSECURE); /* waits for nothing */
	return PIE_BASE + ((random & ((1ull << PIE_RANDOM_BITS) - 1)) << 12);
}

static int map_file(const char *path, uint64_t near, struct image *image)
{
	const char *why = "";
	int fd = open_executable(path), error = fd < 0 ? fd : 0;

	if (!error) {
		error = image_map(fd, near, image, &why);
		close(fd);
	}
	if (error)
		return complain(status_of(-error), path,
				error == -ENOEXEC && *why ? why : strerror(-error));
	return 0;
}

/* This program's own: a libc that comes after it must not find it registered. */
static void rseq_forget(void)
{
	if (__rseq_size)
		syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, 32,
			RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

static int no_dune_mode(int error)
{
	switch (error) {
	case -ENOENT:
		return complain(RUN_FAILED, "/dev/dune", "not there: insmod dune.ko first");
	case -EACCES:
		return complain(RUN_FAILED, "/dev/dune", "no permission to open it");
	case -ENOTSUP:
		return complain(RUN_FAILED, "/dev/dune",
				"the module is of another version, or the CPU has no XSAVE");
	default:
		return complain(RUN_FAILED, "no Dune mode", strerror(-error));
	}
}

static int wait_for_gdb(const char *address)
{
	int error = gdb_listen(address);

	if (error == -EINVAL)
		return complain(RUN_WRONG, address,
				"want PORT, IPV4-ADDRESS:PORT or the path of a socket for gdb");
	if (error == -EPERM)
		return complain(RUN_FAILED, address, "this process may not be traced, or is");
	if (error)
		return complain(RUN_FAILED, address, strerror(-error));
	fprintf(stderr, "dune: waiting for gdb: target remote %s%s\n",
		strpbrk(address, ":/") ? "" : ":", address);
	return 0;
}

static void unblock(uint64_t mask)
{
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
}

static char policy_option[PATH_MAX + 16] = "--policy=", terminal_option[32];

/* What it executes comes back here, wherever its working directory is then. */
static void children_too(const struct run_options *options)
{
	const char *passed[EXEC_OPTIONS_MAX + 1] = { NULL };
	int n = 0, fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);

	if (options->monitor)
		passed[n++] = "--monitor";
	if (options->stats)
		passed[n++] = "--stats";
	if (options->strace)
		passed[n++] = "--strace";
	if (options->policy)
		passed[n++] = policy_option;
	if (options->terminal >= 0) {
		snprintf(terminal_option, sizeof(terminal_option), "--terminal=%d",
			 options->terminal);
		passed[n++] = terminal_option;
	}
	if (fd >= 0 || options->policy)
		exec_through(fd < 0 ? fd : hidden_move(fd), passed, options->policy);
}

static int read_policy(const char *file)
{
	char *real = policy_option + strlen(policy_option);
	int line = 0;
	const char *wrong = realpath(file, real) ? policy_load(real, &line) : strerror(errno);

	if (!wrong)
		return 0;
	if (line)
		fprintf(stderr, "dune: %s:%d: %s\n", file, line, wrong);
	else
		fprintf(stderr, "dune: %s: %s\n", file, wrong);
	return RUN_WRONG;
}

/* Interpreters, which nobody confined has named in a call. */
static int may_execute(const char *path, enum policy_right right)
{
	char real[PATH_MAX];

	if (realpath(path, real) && policy_allows(right, real))
		return 0;
	return complain(RUN_NOT_EXECUTABLE, path, "the policy does not let it be executed");
}

int run_program(const struct run_options *options, int argc, char **argv)
{
	static struct image program, interpreter;
	static char buffer[PATH_MAX];
	struct start_args args = { .envp = environ, .program = &program };
	struct start_stack stack;
	const char *path = options->path ? options->path : run_search(argv[0], buffer);
	int error, status;

	if (!path)
		return complain(status_of(errno), argv[0], errno == ENOENT ? "not found in PATH" :
								strerror(errno));
	args.path = options->name ? options->name : path;
	args.argc = argc;
	args.argv = argv;
	status = options->policy ? read_policy(options->policy) : 0;
	if (!status)
		status = script_resolve(&args, &path);
	if (!status && options->policy && options->path)
		status = may_execute(path, POLICY_EXEC);
	if (!status)
		status = map_file(path, place(), &program);
	if (!status && options->policy && options->path && *program.interpreter)
		status = may_execute(program.interpreter, POLICY_LOOK);
	if (!status && *program.interpreter) {
		status = map_file(program.interpreter, 0, &interpreter);
		args.interpreter_base = interpreter.base;
	}
	if (status)
		return status;

	host_device_inherit(options->device);
	if (options->monitor)
		monitor_set(__executable_start, _end);
	error = dune_init(NULL);
	if (error)
		return no_dune_mode(error);
	self_set(realpath(path, NULL));
	children_too(options);
	rseq_forget();
	if (options->terminal >= 0)
		terminal_begin(options->terminal); /* else it writes to its descriptors */
	if (options->stats)
		trace_summary(args.path);
	if (options->strace)
		trace_calls();
	error = options->policy ? confine_begin() : 0;
	if (error)
		return complain(RUN_FAILED, options->policy, strerror(-error));
	/* Below what is in use of the stack; what is above it stays, to no purpose. */
	stack_build(&args, (uint64_t)__builtin_frame_address(0) - 16384, &stack);
	tell_linux(&args, &stack);
	if (program.exec_stack)
		mprotect((void *)(stack.pointer & ~4095ull), 4096,
			 PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN);
	if (options->mask)
		unblock(strtoull(options->mask, NULL, 16));
	if (options->gdb && (status = wait_for_gdb(options->gdb)))
		return status;
	error = dune_start(*program.interpreter ? interpreter.entry : program.entry, stack.pointer);
	return complain(RUN_FAILED, "no Dune mode", strerror(-error));
}
