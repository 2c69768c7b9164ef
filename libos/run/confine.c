// SPDX-License-Identifier: MIT
/* What each system call of a confined program may be told: numbers, and memory of its own. */
#include <errno.h>
#include <linux/prctl.h>
#include <sched.h>
#include <stddef.h>
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
 * Calls that are allowed, by arguments: - a number, n memory of as many bytes as the
 * next argument says, m as the one before, P as many pollfds, E epoll events as the
 * next says; i 4 bytes, l 8, t 16, q 32, h 128, S 256, U 400. What is missing is not
 * looked at.
 */
static const char *const shapes[CALLS] = {
	[SYS_read] = "-n", [SYS_write] = "-n", [SYS_pread64] = "-n", [SYS_pwrite64] = "-n",
	[SYS_close] = "", [SYS_fstat] = "-S", [SYS_lseek] = "", [SYS_dup] = "", [SYS_dup2] = "",
	[SYS_dup3] = "", [SYS_pipe] = "l", [SYS_pipe2] = "l", [SYS_sendfile] = "--l",
	[SYS_copy_file_range] = "-l-l", [SYS_fadvise64] = "", [SYS_fallocate] = "",
	[SYS_flock] = "", [SYS_fsync] = "", [SYS_fdatasync] = "", [SYS_ftruncate] = "",
	[SYS_getdents64] = "-n", [SYS_fchdir] = "", [SYS_getcwd] = "n", [SYS_umask] = "",
	[SYS_fstatfs] = "-S", [SYS_sync_file_range] = "",
	[SYS_poll] = "P", [SYS_ppoll] = "P-tl", [SYS_select] = "-hhht", [SYS_pselect6] = "-hhhtt",
	[SYS_epoll_create] = "", [SYS_epoll_create1] = "", [SYS_epoll_ctl] = "---t",
	[SYS_epoll_wait] = "-E", [SYS_epoll_pwait] = "-E--l", [SYS_eventfd2] = "",
	[SYS_mmap] = "", [SYS_munmap] = "", [SYS_mprotect] = "", [SYS_mremap] = "", [SYS_brk] = "",
	[SYS_msync] = "", [SYS_madvise] = "n", [SYS_membarrier] = "",
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
	[SYS_getresuid] = "iii", [SYS_getresgid] = "iii", [SYS_getgroups] = "-S",
	[SYS_uname] = "U", [SYS_sysinfo] = "h", [SYS_getrusage] = "-S", [SYS_getrlimit] = "-t",
	[SYS_getrandom] = "n", [SYS_getpriority] = "",
};

/* glibc does without when it is told so; Linux would follow lists in memory that may change. */
static bool unknown(uint64_t nr)
{
	return nr == SYS_set_robust_list || nr == SYS_rseq || nr == SYS_clone3 ||
	       nr == SYS_openat2 || nr == SYS_close_range;
}

static int output;

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

static uint64_t bytes(char kind, const uint64_t *arg)
{
	switch (kind) {
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
	if (dune_syscall_read(copy, call->args[1], n * sizeof(*copy)))
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

#define CLONE_NEW_ANYTHING 0x7e020000

static bool clone_allowed(const struct dune_syscall *call)
{
	uint64_t flags = call->args[0];

	return !(flags & CLONE_NEW_ANYTHING) &&
	       (flags & CLONE_THREAD || policy_has(POLICY_PROCESSES)) &&
	       confine_is_programs(call->args[2], 4) && confine_is_programs(call->args[3], 4);
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
	if (shape) {
		for (i = 0; shape[i]; i++)
			if (shape[i] != '-' &&
			    !confine_is_programs(call->args[i], bytes(shape[i], &call->args[i])))
				return answer(call, -EFAULT);
		return DUNE_SYSCALL_FORWARD;
	}
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
	case SYS_fcntl:
		return forward_if(call, fcntl_allowed(call));
	case SYS_prctl:
		return forward_if(call, (call->args[0] == PR_SET_NAME ||
					 call->args[0] == PR_GET_NAME) &&
					confine_is_programs(call->args[1], 16));
	case SYS_fork:
	case SYS_vfork:
		return forward_if(call, policy_has(POLICY_PROCESSES));
	case SYS_clone:
		return forward_if(call, clone_allowed(call));
	case SYS_kill:
	case SYS_tgkill:
		return forward_if(call, is_self(call->args[0]));
	case SYS_prlimit64:
		return forward_if(call, (!call->args[0] || is_self(call->args[0])) &&
					confine_is_programs(call->args[2], 16) &&
					confine_is_programs(call->args[3], 16));
	default:
		if (confine_path(call) || confine_change(call) ||
		    (policy_has(POLICY_SOCKETS) && confine_socket(call)))
			return DUNE_SYSCALL_ANSWER;
		return refuse(call);
	}
}

int confine_begin(void)
{
	int error;

	if (policy_has(POLICY_TELL)) {
		int copy = dup(2);

		if (copy < 0)
			return -errno;
		output = hidden_move(copy);
	}
	error = hold_init();
	return error ? error : dune_syscall_hook_set(DUNE_SYSCALL_DEFAULT, confine, NULL);
}
