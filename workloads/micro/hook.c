// SPDX-License-Identifier: MIT
/* System calls of ring 0, seen by a hook: passed on to Linux, answered. */
#include <dune.h>
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "micro/area.h"
#include "micro/groups.h"
#include "micro/measure.h"

static enum dune_syscall_action pass(struct dune_syscall *call, void *arg)
{
	(void)call;
	(void)arg;
	return DUNE_SYSCALL_FORWARD;
}

static enum dune_syscall_action answer(struct dune_syscall *call, void *arg)
{
	(void)arg;
	call->result = 1;
	return DUNE_SYSCALL_ANSWER;
}

static void hook(dune_syscall_hook function)
{
	errno = -dune_syscall_hook_set(SYS_getppid, function, NULL);
	if (errno)
		give_up("dune_syscall_hook_set");
}

void group_hooks(const struct plan *plan)
{
	const char *who = "dune";

	hook(pass);
	MEASURE("hook_pass", plan->iterations, syscall(SYS_getppid));
	hook(answer);
	MEASURE("hook_answer", plan->iterations, syscall(SYS_getppid));
	hook(NULL);
}
