// SPDX-License-Identifier: MIT
/* A process in Dune mode under ptrace: attached, stopped, read, changed, traced, let go. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/dune_mode.h"

#define MARK 0x64756e65u
#define NO_SUCH_CALL 499

static volatile struct {
	unsigned long count;  /* the child counts, in ring 0 */
	unsigned long answer; /* it copies `question` here */
	unsigned long in_guest;
} *shared;

/* Private to each process: only the debugger can change it from outside. */
static volatile unsigned long question = 1;

static _Noreturn void child_main(bool calls)
{
	shared->in_guest = dune_in_guest();
	for (;;) {
		shared->count++;
		shared->answer = question;
		if (calls)
			syscall(NO_SUCH_CALL, MARK);
	}
}

static bool counts(void)
{
	unsigned long before = shared->count;
	int turns;

	for (turns = 0; turns < 2000 && shared->count == before; turns++)
		usleep(1000);
	return shared->count != before;
}

static pid_t child_start(bool calls)
{
	pid_t pid;

	shared->count = 0;
	shared->answer = 0;
	pid = fork();
	if (pid == 0)
		child_main(calls);
	if (pid < 0 || !counts())
		ktap_bail("no child");
	return pid;
}

static bool child_end(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGKILL;
}

static bool stopped(pid_t pid, int *status)
{
	return waitpid(pid, status, __WALL) == pid && WIFSTOPPED(*status);
}

static bool seize_and_interrupt(pid_t pid)
{
	int status;

	return !ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) &&
	       !ptrace(PTRACE_INTERRUPT, pid, 0, 0) && stopped(pid, &status);
}

static bool stands_still(void)
{
	unsigned long before = shared->count;

	usleep(20000);
	return shared->count == before;
}

/* Registers are those of the host side: in ring 3, in its system call or behind it. */
static bool registers_read(pid_t pid)
{
	struct user_regs_struct regs = { 0 };

	return !ptrace(PTRACE_GETREGS, pid, 0, &regs) && (regs.cs & 3) == 3 && regs.rip &&
	       regs.rsp;
}

static bool fpu_read(pid_t pid)
{
	struct user_fpregs_struct fpu = { 0 };

	return !ptrace(PTRACE_GETFPREGS, pid, 0, &fpu) && fpu.mxcsr == 0x1f80;
}

static bool question_is(pid_t pid, unsigned long value)
{
	errno = 0;
	return (unsigned long)ptrace(PTRACE_PEEKDATA, pid, &question, 0) == value && !errno;
}

/* A copy on write that the debugger causes: the vCPU must not go on with the old page. */
static bool poke_is_seen(pid_t pid)
{
	int turns;

	if (ptrace(PTRACE_POKEDATA, pid, &question, 77) || !question_is(pid, 77) ||
	    ptrace(PTRACE_CONT, pid, 0, 0))
		return false;
	for (turns = 0; turns < 2000 && shared->answer != 77; turns++)
		usleep(1000);
	return shared->answer == 77 && question == 1;
}

/* The same under its feet, without stopping it. */
static bool vm_writev_is_seen(pid_t pid)
{
	unsigned long value = 78;
	struct iovec from = { &value, sizeof(value) };
	struct iovec to = { (void *)&question, sizeof(value) };
	int turns;

	if (process_vm_writev(pid, &from, 1, &to, 1, 0) != sizeof(value))
		return false;
	for (turns = 0; turns < 2000 && shared->answer != 78; turns++)
		usleep(1000);
	return shared->answer == 78;
}

/* What strace does: the guest's system calls are the process's. */
static bool system_calls_are_seen(pid_t pid)
{
	struct user_regs_struct regs;
	int status, stops;

	for (stops = 0; stops < 200; stops++) {
		if (ptrace(PTRACE_SYSCALL, pid, 0, 0) || !stopped(pid, &status))
			return false;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80) &&
		    !ptrace(PTRACE_GETREGS, pid, 0, &regs) &&
		    regs.orig_rax == NO_SUCH_CALL && regs.rdi == MARK)
			return true;
	}
	return false;
}

static bool single_steps(pid_t pid)
{
	int status, i;

	/* Not as far as the next SYSCALL, of whose step Bochs makes a kernel warning. */
	for (i = 0; i < 2; i++)
		if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) || !stopped(pid, &status) ||
		    (WSTOPSIG(status) & 0x7f) != SIGTRAP)
			return false;
	return true;
}

static bool attach_and_detach(pid_t pid)
{
	int status;

	return !ptrace(PTRACE_ATTACH, pid, 0, 0) && stopped(pid, &status) &&
	       WSTOPSIG(status) == SIGSTOP && stands_still() &&
	       !ptrace(PTRACE_DETACH, pid, 0, 0) && counts();
}

static bool many_times(pid_t pid)
{
	int i, status;

	for (i = 0; i < 50; i++)
		if (ptrace(PTRACE_SEIZE, pid, 0, 0) || ptrace(PTRACE_INTERRUPT, pid, 0, 0) ||
		    !stopped(pid, &status) || ptrace(PTRACE_DETACH, pid, 0, 0))
			return false;
	return counts();
}

int main(void)
{
	pid_t pid;

	ktap_plan(14);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must_init_and_enter();
	pid = child_start(false);
	ktap_check(shared->in_guest, "the child is in ring 0");
	ktap_check(seize_and_interrupt(pid), "seize and interrupt");
	ktap_check(stands_still(), "ring 0 stands still while stopped");
	ktap_check(registers_read(pid), "general registers are ring 3's");
	ktap_check(fpu_read(pid), "vector registers are read");
	ktap_check(question_is(pid, 1), "memory is read");
	ktap_check(poke_is_seen(pid), "memory that is changed is seen in ring 0");
	ktap_check(!ptrace(PTRACE_INTERRUPT, pid, 0, 0) && stopped(pid, &(int){ 0 }) &&
			   !ptrace(PTRACE_DETACH, pid, 0, 0) && counts(),
		   "detached, it goes on");
	ktap_check(vm_writev_is_seen(pid), "process_vm_writev is seen in ring 0");
	ktap_check(attach_and_detach(pid), "attach by SIGSTOP, and detach");
	ktap_check(many_times(pid), "attached and detached many times");
	ktap_check(child_end(pid), "it can be killed");
	pid = child_start(true);
	ktap_check(seize_and_interrupt(pid) && system_calls_are_seen(pid),
		   "forwarded system calls are traced");
	ktap_check(single_steps(pid) && child_end(pid), "single steps of the host side");
	return ktap_exit_status();
}
