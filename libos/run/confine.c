// SPDX-License-Identifier: MIT
/* What each system call of a confined program may be told: numbers, and memory of its own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../src/hidden.h"
#include "../src/monitor.h"
#include "../src/text.h"
#include "confine.h"
#include "hold.h"
#include "policy.h"

#define CALLS 512
#define IOVECS_MAX 64
#define LINE 512

/*
 * Calls that are allowed, by arguments: - a number, f a descriptor, n memory of as many
 * bytes as the next argument says, m as the one before, P as many pollfds, E epoll events
 * as the next says, F a set of as many descriptors and g as many groups as the first says;
 * i 4 bytes, l 8, t 16, q 32, h 128, S 256, U 400. What is missing is not looked at. *: there
 * is more to a call than its shape.
 */
static const char *const shapes[CALLS] = {
	[SYS_read] = "fn", [SYS_write] = "fn", [SYS_pread64] = "fn", [SYS_pwrite64] = "fn",
	[SYS_close] = "f", [SYS_fstat] = "fS", [SYS_lseek] = "f", [SYS_dup] = "f*",
	[SYS_dup2] = "ff", [SYS_dup3] = "ff", [SYS_pipe] = "l", [SYS_pipe2] = "l",
	[SYS_sendfile] = "ffl", [SYS_copy_file_range] = "flfl", [SYS_fadvise64] = "f",
	[SYS_fallocate] = "f",
	[SYS_flock] = "f", [SYS_fsync] = "f", [SYS_fdatasync] = "f", [SYS_ftruncate] = "f",
	[SYS_getdents64] = "fn", [SYS_fchdir] = "f", [SYS_getcwd] = "n", [SYS_umask] = "",
	[SYS_fstatfs] = "fS", [SYS_sync_file_range] = "f",
	[SYS_poll] = "P", [SYS_ppoll] = "P-tl", [SYS_select] = "-FFFt", [SYS_pselect6] = "-FFFtt",
	[SYS_epoll_create] = "", [SYS_epoll_create1] = "", [SYS_epoll_ctl] = "f-ft",
	[SYS_epoll_wait] = "fE", [SYS_epoll_pwait] = "fE--l", [SYS_eventfd2] = "",
	[SYS_mmap] = "", [SYS_munmap] = "", [SYS_mprotect] = "", [SYS_mremap] = "", [SYS_brk] = "",
	[SYS_msync] = "", [SYS_madvise] = "n*", [SYS_membarrier] = "",
	[SYS_rt_sigaction] = "-qq", [SYS_rt_sigprocmask] = "-ll", [SYS_rt_sigreturn] = "",
	[SYS_rt_sigpending] = "l", [SYS_rt_sigsuspend] = "l", [SYS_rt_sigtimedwait] = "lht",
	[SYS_sigaltstack] = "qq", [SYS_pause] = "", [SYS_restart_syscall] = "",
	[SYS_nanosleep] = "tt", [SYS_clock_nanosleep] = "--tt", [SYS_clock_gettime] = "-t",
	[SYS_clock_getres] = "-t", [SYS_gettimeofday] = "tt", [SYS_time] = "l", [SYS_times] = "q",
	[SYS_alarm] = "", [SYS_getitimer] = "-q", [SYS_setitimer] = "-qq",
	[SYS_futex] = "i--ti", [SYS_set_tid_address] = "i", [SYS_sched_yield] = "",
	[SYS_sched_getaffinity] = "--m", [SYS_getcpu] = "ii", [SYS_arch_prctl] = "-l",
	[SYS_exit] = "", [SYS_exit_group] = "", [SYS_wait4] = "-i-S", [SYS_waitid] = "--h-S",
	[SYS_getpid] = "", [SYS_gettid] = "", [SYS_getppid] = "", [SYS_getpgrp] = "",
	[SYS_getpgid] = "", [SYS_getsid] = "", [SYS_setsid] = "", [SYS_setpgid] = "",
	[SYS_getuid] = "", [SYS_geteuid] = "", [SYS_getgid] = "", [SYS_getegid] = "",
	[SYS_getresuid] = "iii", [SYS_getresgid] = "iii", [SYS_getgroups] = "-g",
	[SYS_uname] = "U", [SYS_sysinfo] = "h", [SYS_getrusage] = "-S", [SYS_getrlimit] = "-t",
	[SYS_getrandom] = "n", [SYS_getpriority] = "",
	[SYS_readv] = "f*", [SYS_writev] = "f*", [SYS_preadv] = "f*", [SYS_pwritev] = "f*",
	[SYS_ioctl] = "f*", [SYS_fcntl] = "f*", [SYS_openat] = "f*", [SYS_newfstatat] = "f*",
	[SYS_statx] = "f*", [SYS_faccessat] = "f*", [SYS_faccessat2] = "f*", [SYS_mkdirat] = "f*",
	[SYS_unlinkat] = "f*", [SYS_fchmodat] = "f*", [SYS_utimensat] = "f*", [SYS_fchmod] = "f*",
	[SYS_readlinkat] = "f*", [SYS_renameat] = "f-f*", [SYS_renameat2] = "f-f*",
	[SYS_bind] = "f*", [SYS_connect] = "f*", [SYS_listen] = "f*", [SYS_shutdown] = "f*",
	[SYS_accept] = "f*", [SYS_accept4] = "f*", [SYS_getsockname] = "f*",
	[SYS_getpeername] = "f*", [SYS_setsockopt] = "f*", [SYS_getsockopt] = "f*",
	[SYS_sendto] = "f*", [SYS_recvfrom] = "f*",
};

/* glibc does without when it is told so; Linux would follow lists in memory that may change. */
static bool unknown(uint64_t nr)
{
	return nr == SYS_set_robust_list || nr == SYS_rseq || nr == SYS_clone3 ||
	       nr == SYS_openat2 || nr == SYS_close_range;
}

static int output = -1;

long confine_call(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	const struct dune_syscall call = { .nr = (uint64_t)nr, .args = { a, b, c, d, e } };

	return dune_syscall_forward(&call);
}

bool confine_is_programs(uint64_t address, uint64_t size)
{
	return address + size >= address && !monitor_overlaps(address, address + size);
}

void confine_tell(const struct dune_syscall *call, const char *path)
{
	char line[LINE], *end = line;

	if (!policy_has(POLICY_TELL))
		return;
	end = text_decimal(text_put(end, "dune: refused: system call "), call->nr);
	if (path) {
		end = text_put(end, ", ");
		while (*path && end < line + LINE - 2)
			*end++ = *path++;
	}
	*end++ = '\n';
	confine_call(SYS_write, (uint64_t)output, (uint64_t)line, (uint64_t)(end - line), 0, 0);
}

static uint64_t bytes(char kind, const uint64_t *args, unsigned int i)
{
	const uint64_t *arg = args + i;
	int n = (int)args[0] < 0 ? 0 : (int)args[0]; /* which Linux refuses before it looks */

	switch (kind) {
	case 'F':
		return *arg ? ((uint64_t)n + 63) / 64 * 8 : 0;
	case 'g':
		return (uint64_t)n * 4;
	case 'n':
		return arg[1];
	case 'm':
		return arg[-1];
	case 'P':
		return arg[1] >> 32 ? ~0ull : arg[1] * 8;
	case 'E':
		return (uint32_t)arg[1] * 12ull;
	case 'i':
		return 4;
	case 'l':
		return 8;
	case 't':
		return 16;
	case 'q':
		return 32;
	case 'h':
		return 128;
	case 'S':
		return 256;
	default:
		return 400;
	}
}

static enum dune_syscall_action answer(struct dune_syscall *call, int64_t result)
{
	call->result = result;
	return DUNE_SYSCALL_ANSWER;
}

static enum dune_syscall_action refuse(struct dune_syscall *call)
{
	confine_tell(call, NULL);
	return answer(call, -EPERM);
}

static enum dune_syscall_action forward_if(struct dune_syscall *call, bool allowed)
{
	return allowed ? DUNE_SYSCALL_FORWARD : refuse(call);
}

/* As many as fit are transferred, which is a result that Linux may give, too. */
static enum dune_syscall_action vector(struct dune_syscall *call)
{
	struct iovec copy[IOVECS_MAX];
	uint64_t n = call->args[2], i;

	if (n > 1024)
		return answer(call, -EINVAL);
	if (n > IOVECS_MAX)
		n = IOVECS_MAX;
	if (!confine_is_programs(call->args[1], n * sizeof(*copy)) ||
	    dune_syscall_read(copy, call->args[1], n * sizeof(*copy)))
		return answer(call, -EFAULT);
	for (i = 0; i < n; i++)
		if (!confine_is_programs((uint64_t)copy[i].iov_base, copy[i].iov_len))
			return answer(call, -EFAULT);
	return answer(call, confine_call((long)call->nr, call->args[0], (uint64_t)copy, n,
					 call->args[3], call->args[4]));
}

static bool ioctl_allowed(const struct dune_syscall *call)
{
	switch ((uint32_t)call->args[1]) {
	case 0x5401: /* TCGETS */
	case 0x540f: /* TIOCGPGRP */
	case 0x5413: /* TIOCGWINSZ */
	case 0x541b: /* FIONREAD */
	case 0x5421: /* FIONBIO */
		return confine_is_programs(call->args[2], 64);
	case 0x5450: /* FIONCLEX */
	case 0x5451: /* FIOCLEX */
		return true;
	default:
		return false;
	}
}

static bool is_dup(const struct dune_syscall *call)
{
	return (uint32_t)call->args[1] == F_DUPFD || (uint32_t)call->args[1] == F_DUPFD_CLOEXEC;
}

static bool fcntl_allowed(const struct dune_syscall *call)
{
	switch ((uint32_t)call->args[1]) {
	case 0 ... 4: /* F_DUPFD to F_SETFL */
	case 1030 ... 1032: /* F_DUPFD_CLOEXEC, sizes of pipes */
		return true;
	case 5 ... 7: /* locks */
	case 36 ... 38:
		return confine_is_programs(call->args[2], 32);
	default:
		return false;
	}
}

#define CLONE_TELLS (CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_SETTLS)
#define CLONE_SHARES (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define CLONE_HARMLESS (CLONE_TELLS | CLONE_SYSVSEM | CLONE_DETACHED)

/*
 * Threads, which share all there is, and children, which share nothing: of memory without
 * its descriptors, or the other way round, what is hidden in one would be open in the
 * other. So a vfork is a fork.
 */
static bool clone_allowed(struct dune_syscall *call)
{
	uint64_t flags = (uint32_t)call->args[0];

	if (!confine_is_programs(call->args[2], 4) || !confine_is_programs(call->args[3], 4))
		return false;
	if (flags & CLONE_THREAD)
		return (flags & ~(uint64_t)CLONE_HARMLESS & ~(uint64_t)CSIGNAL) == CLONE_SHARES;
	if (flags & CLONE_VFORK)
		flags &= ~(uint64_t)(CLONE_VM | CLONE_VFORK);
	call->args[0] = flags;
	return !(flags & ~(uint64_t)(CLONE_TELLS | CSIGNAL)) && policy_has(POLICY_PROCESSES);
}

/* Not those that take memory away from the machine. */
static bool madvise_allowed(const struct dune_syscall *call)
{
	switch ((int)call->args[2]) {
	case MADV_NORMAL ... MADV_DONTNEED:
	case MADV_FREE ... 25: /* MADV_COLLAPSE */
	case 102 ... 103: /* guards */
		return true;
	default:
		return false;
	}
}

static bool prlimit_allowed(const struct dune_syscall *call)
{
	return confine_is_programs(call->args[2], 16) && confine_is_programs(call->args[3], 16) &&
	       !(call->args[2] && (uint32_t)call->args[1] == RLIMIT_CORE);
}

static bool is_self(uint64_t pid)
{
	return (int)pid == confine_call(SYS_getpid, 0, 0, 0, 0, 0);
}

static enum dune_syscall_action confine(struct dune_syscall *call, void *arg)
{
	const char *shape = call->nr < CALLS ? shapes[call->nr] : NULL;
	unsigned int i;

	(void)arg;
	for (i = 0; shape && shape[i] && shape[i] != '*'; i++) {
		if (shape[i] == 'f' && hidden_is((uint32_t)call->args[i]))
			return answer(call, -EBADF);
		if (shape[i] != '-' && shape[i] != 'f' &&
		    !confine_is_programs(call->args[i], bytes(shape[i], call->args, i)))
			return answer(call, -EFAULT);
	}
	if (shape && !shape[i])
		return DUNE_SYSCALL_FORWARD;
	if (unknown(call->nr))
		return answer(call, -ENOSYS);
	switch (call->nr) {
	case SYS_readv:
	case SYS_writev:
	case SYS_preadv:
	case SYS_pwritev:
		return vector(call);
	case SYS_ioctl:
		return forward_if(call, ioctl_allowed(call));
	case SYS_dup:
		return answer(call, confine_call(SYS_dup, call->args[0], 0, 0, 0, 0));
	case SYS_fcntl:
		if (is_dup(call))
			return answer(call, confine_call(SYS_dup, call->args[0], HIDDEN_DUP_FROM,
							 call->args[2], call->args[1], 0));
		return forward_if(call, fcntl_allowed(call));
	case SYS_prctl:
		return forward_if(call, (call->args[0] == PR_SET_NAME ||
					 call->args[0] == PR_GET_NAME) &&
					confine_is_programs(call->args[1], 16));
	case SYS_madvise:
		return forward_if(call, madvise_allowed(call));
	case SYS_vfork:
		call->nr = SYS_fork;
		return forward_if(call, policy_has(POLICY_PROCESSES));
	case SYS_fork:
		return forward_if(call, policy_has(POLICY_PROCESSES));
	case SYS_clone:
		return forward_if(call, clone_allowed(call));
	case SYS_kill:
	case SYS_tgkill:
		return forward_if(call, is_self(call->args[0]));
	case SYS_prlimit64:
		return forward_if(call, (!call->args[0] || is_self(call->args[0])) &&
					prlimit_allowed(call));
	default:
		if (confine_path(call) || confine_change(call) ||
		    (policy_has(POLICY_SOCKETS) && confine_socket(call)))
			return DUNE_SYSCALL_ANSWER;
		return refuse(call);
	}
}

int confine_begin(void)
{
	/* A core dump is a file that no path of the policy gives. */
	const struct rlimit none = { 0, 0 };
	int error = dune_syscall_hook_set(DUNE_SYSCALL_DEFAULT, confine, NULL), copy;

	if (error)
		return error;
	if (setrlimit(RLIMIT_CORE, &none))
		return -errno;
	/* There may be no standard error output: then nothing is told. */
	if (policy_has(POLICY_TELL) && (copy = dup(2)) >= 0)
		output = hidden_move(copy);
	return hold_init();
}
