// SPDX-License-Identifier: MIT
/* Children, which leave, and other programs in the process's place, which stay. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gdb.h"

extern const char host_loop[];

void follow_child(pid_t child, bool vfork)
{
	struct task *early = task_find(child);
	int status;

	if (early)
		early->state = TASK_FREE; /* it was there before its parent told of it */
	else
		waitpid(child, &status, __WALL);
	if (vfork)
		breakpoints_suspend(true);
	else
		breakpoints_leave(child);
	ptrace(PTRACE_DETACH, child, 0, 0);
}

bool follow_entry(struct task *task)
{
	const bool yes = true;

	if (!session.entering || task->host.rip != view_here(host_loop) + 1)
		return false;
	task->host.rip--;
	ptrace(PTRACE_SETREGS, task->tid, 0, &task->host);
	breakpoint_clear(view_here(host_loop));
	memory_write(view_here(&dune_process.debugged), &yes, sizeof(yes));
	session.entering = false;
	view_load(task);
	return true;
}

/* Of the dune that this one was forked from: the same program, elsewhere in memory. */
static bool image_is_ours(void)
{
	extern const char __ehdr_start[] __attribute__((weak, visibility("hidden")));
	uint64_t pair[2], phdr = 0, own_phdr;
	char path[32], own[256], other[256];
	ssize_t n, m;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/exe", session.pid);
	n = readlink(path, other, sizeof(other));
	m = readlink("/proc/self/exe", own, sizeof(own));
	if (n <= 0 || n != m || __builtin_memcmp(own, other, (size_t)n))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/auxv", session.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && read(fd, pair, sizeof(pair)) == sizeof(pair) && pair[0])
		if (pair[0] == AT_PHDR)
			phdr = pair[1];
	if (fd >= 0)
		close(fd);
	if (!phdr || !__ehdr_start)
		return false;
	own_phdr = (uint64_t)__ehdr_start + ((const Elf64_Ehdr *)__ehdr_start)->e_phoff;
	session.moved = phdr - own_phdr;
	return true;
}

bool follow_exec(struct task *task)
{
	struct task *other = NULL;

	while ((other = task_next(other)))
		if (other != task)
			other->state = TASK_FREE;
	session.current = session.chosen = NULL;
	session.executed = true;
	task->tid = session.pid;
	memory_open();
	breakpoints_forget();
	session.dune = image_is_ours();
	session.entering = session.dune;
	if (session.dune) {
		breakpoint_set(view_here(host_loop));
		task_go_on(task, PTRACE_CONT, 0);
		return false;
	}
	task->signal = SIGTRAP;
	task->event = true;
	view_load(task);
	return true;
}
