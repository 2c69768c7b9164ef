// SPDX-License-Identifier: MIT
/* System call hooks: forward, answer, rewrite, deny; and calls answered without an exit. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/dune_mode.h"

static volatile unsigned int asked;
static volatile struct dune_syscall last;

static enum dune_syscall_action forward(struct dune_syscall *call, void *arg)
{
	asked = asked + 1;
	last = *call;
	return arg ? DUNE_SYSCALL_ANSWER : DUNE_SYSCALL_FORWARD;
}

static enum dune_syscall_action deny(struct dune_syscall *call, void *arg)
{
	call->result = -(long)arg;
	return DUNE_SYSCALL_ANSWER;
}

static void unhook(int nr)
{
	dune_syscall_hook_set(nr, NULL, NULL);
}

/* All registers but those that SYSCALL itself changes, and the red zone, survive a hook. */
static bool registers_survive(void)
{
	unsigned long bad, result = (unsigned long)SYS_getppid;

	asm volatile("movq $0x1111, -8(%%rsp)\n\tmovq $0x2222, -128(%%rsp)\n\t"
		     "mov $1, %%edi\n\tmov $2, %%esi\n\tmov $3, %%edx\n\tmov $4, %%r10\n\t"
		     "mov $5, %%r8\n\tmov $6, %%r9\n\tmov $7, %%rbx\n\tmov $8, %%r12\n\t"
		     "mov $9, %%r13\n\tmov $10, %%r14\n\tmov $11, %%r15\n\tsyscall\n\t"
		     "cmpq $0x1111, -8(%%rsp)\n\tjne 1f\n\tcmpq $0x2222, -128(%%rsp)\n\tjne 1f\n\t"
		     "cmp $1, %%rdi\n\tjne 1f\n\tcmp $2, %%rsi\n\tjne 1f\n\t"
		     "cmp $3, %%rdx\n\tjne 1f\n\tcmp $4, %%r10\n\tjne 1f\n\t"
		     "cmp $5, %%r8\n\tjne 1f\n\tcmp $6, %%r9\n\tjne 1f\n\t"
		     "cmp $7, %%rbx\n\tjne 1f\n\tcmp $8, %%r12\n\tjne 1f\n\t"
		     "cmp $9, %%r13\n\tjne 1f\n\tcmp $10, %%r14\n\tjne 1f\n\t"
		     "cmp $11, %%r15\n\tjne 1f\n\txor %%ecx, %%ecx\n\tjmp 2f\n"
		     "1:\tmov $1, %%ecx\n2:"
		     : "+a"(result), "=c"(bad)
		     :
		     : "rbx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
		       "r15", "memory", "cc");
	return !bad && (long)result == getppid();
}

static bool hook_sees(void)
{
	char *at;
	bool ok;

	asked = 0;
	dune_syscall_hook_set(SYS_getppid, forward, NULL);
	ok = registers_survive() && asked == 2;
	ok &= last.nr == SYS_getppid && last.rsp > (uint64_t)&at - 65536;
	unhook(SYS_getppid);
	asked = 0;
	dune_syscall_hook_set(SYS_mmap, forward, NULL);
	at = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unhook(SYS_mmap);
	return ok && at != MAP_FAILED && asked == 1 && last.args[1] == 8192 &&
	       last.args[2] == PROT_READ && (int)last.args[4] == -1 && !munmap(at, 8192) &&
	       asked == 1;
}

static bool hook_denies(void)
{
	bool ok;

	dune_syscall_hook_set(SYS_openat, deny, (void *)EPERM);
	ok = open("/dev/null", O_RDONLY) == -1 && errno == EPERM;
	unhook(SYS_openat);
	return ok && close(open("/dev/null", O_RDONLY)) == 0;
}

static enum dune_syscall_action other_file(struct dune_syscall *call, void *arg)
{
	char path[16];

	if (!dune_syscall_read(path, call->args[1], 10) && !memcmp(path, "/dev/null", 10))
		call->args[1] = (uint64_t)arg;
	return DUNE_SYSCALL_FORWARD;
}

static enum dune_syscall_action emulate_uname(struct dune_syscall *call, void *arg)
{
	(void)arg;
	call->result = dune_syscall_write(call->args[0], "Dune", 5);
	return DUNE_SYSCALL_ANSWER;
}

static bool hook_rewrites_and_emulates(void)
{
	char byte = 1, name[400] = "";
	int fd;
	bool ok;

	dune_syscall_hook_set(SYS_openat, other_file, (void *)"/dev/zero");
	fd = open("/dev/null", O_RDONLY);
	unhook(SYS_openat);
	ok = read(fd, &byte, 1) == 1 && byte == 0;
	close(fd);
	dune_syscall_hook_set(SYS_uname, emulate_uname, NULL);
	ok &= syscall(SYS_uname, name) == 0 && !strcmp(name, "Dune");
	ok &= syscall(SYS_uname, 8) == -1 && errno == EFAULT;
	unhook(SYS_uname);
	return ok && !syscall(SYS_uname, name) && strcmp(name, "Dune") != 0;
}

static enum dune_syscall_action number_up(struct dune_syscall *call, void *arg)
{
	(void)arg;
	call->nr = SYS_getppid;
	return DUNE_SYSCALL_FORWARD;
}

static bool default_hook(void)
{
	unsigned int by_default;
	long parent;

	asked = 0;
	dune_syscall_hook_set(DUNE_SYSCALL_DEFAULT, forward, NULL);
	dune_syscall_hook_set(SYS_getuid, number_up, NULL);
	getpid();
	getppid();
	parent = syscall(SYS_getuid);
	by_default = asked;
	unhook(SYS_getuid);
	unhook(DUNE_SYSCALL_DEFAULT);
	getppid();
	return by_default == 2 && asked == 2 && parent == getppid();
}

static enum dune_syscall_action around(struct dune_syscall *call, void *arg)
{
	(void)arg;
	asked = asked + 1;
	call->result = dune_syscall_forward(call);
	return DUNE_SYSCALL_ANSWER;
}

static void *thread(void *arg)
{
	int i;

	for (i = 0; i < 100; i++)
		if (getppid() <= 0)
			return NULL;
	return arg;
}

static volatile int ticks;

static void tick(int signal)
{
	const struct itimerval never = { 0 };

	(void)signal;
	ticks = ticks + 1;
	if (ticks == 500)
		setitimer(ITIMER_REAL, &never, NULL); /* a slow kernel may do nothing else */
}

/* Threads, children and signals, while each call takes the way through a hook and back. */
static bool all_through_hooks(void)
{
	struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { 0 };
	pthread_t threads[3];
	char *argv[] = { "true", NULL };
	int i, status = -1;
	void *result;
	pid_t pid;
	bool ok = true;

	asked = 0;
	for (i = 0; i < 335; i++)
		if (i != SYS_clone && i != SYS_vfork && i != SYS_rt_sigreturn && i != SYS_fork)
			dune_syscall_hook_set(i, around, NULL);
	signal(SIGALRM, tick);
	setitimer(ITIMER_REAL, &often, NULL);
	for (i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, thread, (void *)&asked);
	for (i = 0; i < 3; i++)
		ok &= !pthread_join(threads[i], &result) && result == &asked;
	while (ticks < 10 && ok)
		ok = usleep(500) == 0 || errno == EINTR;
	pid = fork();
	if (pid == 0)
		_exit(getppid() > 0 ? 9 : 1);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	ok &= WIFEXITED(status) && WEXITSTATUS(status) == 9;
	ok &= !posix_spawn(&pid, "/bin/true", NULL, NULL, argv, NULL);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	ok &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
	setitimer(ITIMER_REAL, &never, NULL);
	for (i = 0; i < 335; i++)
		unhook(i);
	return ok && asked > 300;
}

static bool bad_hooks(void)
{
	struct dune_syscall call = { .nr = SYS_vfork };
	char byte;

	return dune_syscall_hook_set(-2, deny, NULL) == -EINVAL &&
	       dune_syscall_hook_set(512, deny, NULL) == -EINVAL &&
	       dune_syscall_forward(&call) == -ENOTSUP &&
	       dune_syscall_read(&byte, 8, 1) == -EFAULT &&
	       dune_syscall_read(&byte, ~0ul, 2) == -EFAULT &&
	       dune_syscall_write((uint64_t)"const", &byte, 1) == -EFAULT &&
	       dune_syscall_read(&byte, 8, 0) == 0;
}

static uint64_t forwarded(void)
{
	struct dune_counters counters;

	dune_counters_get(&counters);
	return counters.syscalls;
}

/* Answered in ring 0, and right in every process. */
static bool getpid_stays_inside(void)
{
	uint64_t before = forwarded(), after;
	int i, status = -1, pipes[2];
	pid_t pid, told = 0;

	for (i = 0; i < 1000; i++)
		if (syscall(SYS_getpid) <= 0)
			return false;
	after = forwarded();
	if (pipe(pipes))
		return false;
	pid = fork();
	if (pid == 0) {
		told = (pid_t)syscall(SYS_getpid);
		_exit(write(pipes[1], &told, sizeof(told)) != sizeof(told));
	}
	if (read(pipes[0], &told, sizeof(told)) != sizeof(told) || waitpid(pid, &status, 0) != pid)
		return false;
	close(pipes[0]);
	close(pipes[1]);
	return after - before < 5 && told == pid && !status;
}

static bool vfork_child_has_its_own(void)
{
	volatile pid_t told = 0;
	pid_t parent = getpid(), pid = vfork();

	if (pid == 0) {
		told = (pid_t)syscall(SYS_getpid);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return told == pid && syscall(SYS_getpid) == parent;
}

static char *volatile vanishing;
static volatile bool flipping;
static volatile unsigned long copied, refused;

/* Asks for memory that comes and goes: it is there or EFAULT, and no signal. */
static enum dune_syscall_action look(struct dune_syscall *call, void *arg)
{
	char bytes[64];

	(void)arg;
	if (dune_syscall_read(bytes, call->args[1], sizeof(bytes)))
		refused = refused + 1;
	else
		copied = copied + 1;
	call->result = 0;
	return DUNE_SYSCALL_ANSWER;
}

static void *flip(void *arg)
{
	while (flipping) {
		mmap(vanishing, 4096, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		munmap(vanishing, 4096);
	}
	return arg;
}

static bool memory_vanishes(void)
{
	pthread_t other;
	int i;

	vanishing = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	flipping = true;
	pthread_create(&other, NULL, flip, NULL);
	dune_syscall_hook_set(SYS_write, look, NULL);
	for (i = 0; i < 100000 && (i < 500 || !copied || !refused); i++)
		syscall(SYS_write, 1, vanishing, 64);
	unhook(SYS_write);
	flipping = false;
	pthread_join(other, NULL);
	return copied && refused;
}

int main(void)
{
	struct dune_syscall call = { .nr = SYS_getpid };

	ktap_plan(11);
	ktap_check(dune_syscall_forward(&call) == -EPERM, "no forwarding outside Dune mode");
	must_init_and_enter();
	ktap_check(hook_sees(), "a hook sees number and arguments; registers survive");
	ktap_check(hook_denies(), "deny");
	ktap_check(hook_rewrites_and_emulates(), "rewrite and emulate, with checked memory");
	ktap_check(default_hook(), "a default, and another number");
	ktap_check(all_through_hooks(), "threads, children, signals through hooks that call on");
	ktap_check(bad_hooks(), "bad arguments");
	ktap_check(memory_vanishes(), "memory that goes away under a hook is EFAULT");
	ktap_check(getpid_stays_inside(), "getpid without an exit, in a child too");
	ktap_check(vfork_child_has_its_own(), "getpid of a vfork child");
	ktap_check(registers_survive(), "registers without hooks");
	return ktap_exit_status();
}
