// SPDX-License-Identifier: MIT
/* Waits for its parent to die, and gives back what that one has left. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rt_cgroup.h"
#include "rt_files.h"
#include "rt_guard.h"
#include "rt_memory.h"
#include "rt_reserve.h"

/* For as long as descriptors or memory may be short. */
#define TRIES 100
#define TRY_MS 100

static _Noreturn void watch(int parent)
{
	struct pollfd watched = { .events = POLLIN };
	char mount[PATH_ROOM], path[PATH_ROOM];
	sigset_t all;
	int null, tries;

	prctl(PR_SET_NAME, "dune-rt-guard");
	setsid();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	/* It keeps nobody's pipe open, nor memory. */
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	syscall(SYS_close_range, 3, ~0u, 0);
	memory_disown();
	/* Who kills a service with all that is in its control group does not kill this. */
	if (cgroup_mount(mount))
		file_write(path_print(path, "%s/cgroup.procs", mount), "0");
	if (chdir("/"))
		_exit(1);
	watched.fd = (int)syscall(SYS_pidfd_open, parent, 0);
	while (getppid() == parent && watched.fd >= 0 && poll(&watched, 1, -1) < 0 &&
	       errno == EINTR)
		;
	for (tries = 0; reserve_tidy() && tries < TRIES; tries++)
		poll(NULL, 0, TRY_MS);
	_exit(0);
}

int guard_start(void)
{
	int parent = getpid(), pid = fork();

	if (!pid)
		watch(parent);
	return pid < 0 ? -errno : pid;
}

void guard_stop(int guard)
{
	kill(guard, SIGKILL);
	waitpid(guard, NULL, 0);
}
