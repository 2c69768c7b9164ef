// SPDX-License-Identifier: MIT
/* What exec, and closing everything before it, leave of a process in Dune mode. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/dune_mode.h"

static bool close_all_works(void)
{
	int i, status = -1, fd;
	pid_t pid = fork();

	if (pid == 0) {
		for (i = 3; i < 1024; i++)
			close(i);
		fd = open("/dev/null", O_RDONLY);
		_exit(dune_in_guest() && fd == 3 && getppid() > 0 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	return status == 0;
}

static bool close_range_works(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		int fd = dup2(0, 900);

		if (fd != 900 || syscall(SYS_close_range, 3, ~0u, 0))
			_exit(1);
		pid = fork();
		if (pid == 0)
			_exit(fcntl(900, F_GETFD) == -1 && errno == EBADF ? 7 : 2);
		waitpid(pid, &status, 0);
		_exit(WEXITSTATUS(status) == 7 ? 0 : 3);
	}
	waitpid(pid, &status, 0);
	return status == 0;
}

/* Numbers of ours say EBADF, and dup2 onto one does not take it away. */
static bool ours_are_none(void)
{
	struct rlimit limit;
	struct stat status;
	int i, refused = 0;

	getrlimit(RLIMIT_NOFILE, &limit);
	for (i = 3; i < (int)limit.rlim_cur; i++)
		refused += fcntl(i, F_GETFD) >= 0 && close(i) == -1 && errno == EBADF &&
			   dup2(0, i) == -1 && errno == EBADF &&
			   fstat(i, &status) == -1 && errno == EBADF &&
			   syscall(SYS_fstat, i, &status) == -1 && errno == EBADF &&
			   dup(i) == -1 && errno == EBADF;
	return refused == 3 && getppid() > 0; /* the device, the VM, the vCPU */
}

static bool few_descriptors(void)
{
	struct rlimit old, few = { 5, 5 };
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		getrlimit(RLIMIT_NOFILE, &old);
		few.rlim_max = old.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &few))
			_exit(1);
		_exit(open("/dev/null", O_RDONLY) == 3 && getppid() > 0 ? 0 : 2);
	}
	waitpid(pid, &status, 0);
	return status == 0;
}

/* An exec that fails gives its errno, and the process goes on in Dune mode. */
static bool failed_exec(void)
{
	char *argv[] = { "x", NULL };
	static char huge[1 << 18];
	char *many[200];
	unsigned int i;
	bool ok;

	memset(huge, 'x', sizeof(huge) - 1);
	for (i = 0; i < 199; i++)
		many[i] = huge;
	many[199] = NULL;
	ok = execv("/does/not/exist", argv) == -1 && errno == ENOENT;
	ok &= execv("/tmp", argv) == -1 && errno == EACCES;
	ok &= execv("/etc/passwd", argv) == -1 && errno == EACCES;
	ok &= execv("/bin/busybox", many) == -1 && errno == E2BIG;
	ok &= syscall(SYS_execve, 8, argv, NULL) == -1 && errno == EFAULT;
	ok &= syscall(SYS_execve, "/bin/busybox", 8, NULL) == -1 && errno == EFAULT;
	return ok && dune_in_guest() && getppid() > 0;
}

static bool exec_works(void)
{
	char *argv[] = { "sh", "-c", "exit 6", NULL }, *envp[] = { NULL };
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(execve("/bin/busybox", argv, envp));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 6;
}

int main(void)
{
	ktap_plan(6);
	must_init_and_enter();
	ktap_check(close_all_works(), "close from 3 up");
	ktap_check(close_range_works(), "close_range, and a fork after it");
	ktap_check(ours_are_none(), "libdune's descriptors cannot be closed");
	ktap_check(few_descriptors(), "RLIMIT_NOFILE below them");
	ktap_check(failed_exec(), "exec that fails");
	ktap_check(exec_works(), "exec");
	return ktap_exit_status();
}
