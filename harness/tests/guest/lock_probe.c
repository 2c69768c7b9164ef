// SPDX-License-Identifier: MIT
/* Stops with the lock of `dune rt' in hand; once it goes on, it ends. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

int main(void)
{
	int fd = open("/run/dune/rt/lock", O_RDWR);

	if (fd < 0 || flock(fd, LOCK_EX) || ftruncate(fd, 0))
		return 1;
	dprintf(fd, "%d\n", getpid());
	raise(SIGSTOP);
	return 0;
}
