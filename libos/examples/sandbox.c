// SPDX-License-Identifier: MIT
/* A policy for system calls: while it is on, the process writes to what is open, and no more. */
#include <dune.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

static enum dune_syscall_action policy(struct dune_syscall *call, void *arg)
{
	unsigned long *refused = arg;

	if (call->nr == SYS_write || call->nr == SYS_exit_group)
		return DUNE_SYSCALL_FORWARD;
	++*refused;
	call->result = -EPERM;
	return DUNE_SYSCALL_ANSWER;
}

int main(void)
{
	unsigned long refused = 0;
	int error = dune_init(NULL), fd;

	if (!error)
		error = dune_enter();
	if (error) {
		fprintf(stderr, "no Dune mode: %s\n", strerror(-error));
		return 1;
	}
	dune_syscall_hook_set(DUNE_SYSCALL_DEFAULT, policy, &refused);
	fd = open("/etc/passwd", O_RDONLY);
	printf("inside: open() gives %d, %s\n", fd, fd < 0 ? strerror(errno) : "no error");
	fflush(stdout);
	dune_syscall_hook_set(DUNE_SYSCALL_DEFAULT, NULL, NULL);
	fd = open("/etc/passwd", O_RDONLY);
	printf("outside: open() gives a descriptor: %s; calls refused: %s\n",
	       fd >= 0 ? "yes" : "no", refused ? "some" : "none");
	return dune_leave();
}
