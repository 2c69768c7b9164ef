// SPDX-License-Identifier: MIT
/*
 * Hooks of the calls that write to a terminal in shared memory.
 *
 * Underneath, its descriptors are pipes to the supervisor, who puts into the same
 * memory what comes that way. So nothing is lost where no hook is asked: in a child
 * before it executes something, which shares our memory or has a copy of it but
 * other descriptors, and in programs out of Dune mode.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <asm/termbits.h>

#include <dune/syscall.h>

#include "../rt/terminal.h"
#include "guest.h"
#include "section.h"
#include "terminal.h"
#include "thread.h"

#define FDS 64 /* of larger numbers none is known as the terminal's */
#define IOV_MAX_HERE 1024

static struct {
	struct rt_shared *shared;
	long owner;	   /* the process whose descriptors these are */
	uint8_t kind[FDS]; /* 0: not ours, else RT_STD* + 1 */
	struct termios termios;
	bool touched;
} terminal;

struct rt_shared *terminal_shared(void)
{
	return terminal.shared;
}

/* What getpid() says, without a call: in ring 0 a thread's own GDT has it. */
static long pid_here(void)
{
	uint32_t high, low;

	asm("lsl %1, %0" : "=r"(high) : "r"(SELECTOR_PID_HIGH) : "cc");
	asm("lsl %1, %0" : "=r"(low) : "r"(SELECTOR_PID_LOW) : "cc");
	return (long)(high << PID_LOW_BITS | low);
}

static unsigned int kind_of(uint64_t fd)
{
	return (uint32_t)fd < FDS && pid_here() == terminal.owner ?
		       terminal.kind[(uint32_t)fd] : 0;
}

static void kind_set(int64_t fd, unsigned int kind)
{
	if (fd >= 0 && fd < FDS && pid_here() == terminal.owner)
		terminal.kind[fd] = (uint8_t)kind;
}

static struct rt_stream *stream_of(uint64_t fd)
{
	unsigned int kind = kind_of(fd);

	return kind > RT_STDIN + 1 ? &terminal.shared->terminal.output[kind - RT_STDOUT - 1] : NULL;
}

/* A page that is not there is met here, with no cell in hand. */
static void touch(const char *data, uint64_t n)
{
	uint64_t at;

	for (at = 0; at < n; at = (((uint64_t)data + at) | 4095) + 1 - (uint64_t)data)
		*(const volatile char *)(data + at);
}

/* So that no later write finds one of its pages without an entry. */
static void touch_shared(void)
{
	char *at = (char *)terminal.shared, *end = at + sizeof(*terminal.shared);

	terminal.touched = true;
	for (; at < end; at += 4096)
		__atomic_fetch_or(at, 0, __ATOMIC_RELAXED);
}

static void write_out(struct rt_stream *stream, const void *data, uint64_t n)
{
	if (!terminal.touched)
		touch_shared();
	touch(data, n);
	rt_stream_write(stream, data, n);
}

static enum dune_syscall_action on_write(struct dune_syscall *call, void *arg)
{
	struct rt_stream *stream = stream_of(call->args[0]);
	uint64_t n = call->args[2];

	(void)arg;
	if (!stream || n > INT32_MAX)
		return DUNE_SYSCALL_FORWARD;
	write_out(stream, (const void *)call->args[1], n);
	call->result = (int64_t)n;
	return DUNE_SYSCALL_ANSWER;
}

static enum dune_syscall_action on_writev(struct dune_syscall *call, void *arg)
{
	struct rt_stream *stream = stream_of(call->args[0]);
	const struct iovec *parts = (const struct iovec *)call->args[1];
	uint64_t i, n = call->args[2];

	(void)arg;
	if (!stream || n > IOV_MAX_HERE)
		return DUNE_SYSCALL_FORWARD;
	for (i = 0, call->result = 0; i < n; i++) {
		if (parts[i].iov_len > INT32_MAX)
			break;
		write_out(stream, parts[i].iov_base, parts[i].iov_len);
		call->result += (int64_t)parts[i].iov_len;
	}
	return DUNE_SYSCALL_ANSWER;
}

/* Enough for programs to see a terminal and its window; the line discipline is the reader's. */
static int64_t control(uint64_t request, void *to)
{
	const struct rt_terminal *shared = &terminal.shared->terminal;

	switch (request) {
	case TCGETS:
		*(struct termios *)to = terminal.termios;
		return 0;
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		terminal.termios = *(const struct termios *)to;
		return 0;
	case TIOCGWINSZ:
		*(struct winsize *)to = (struct winsize){
			.ws_row = (uint16_t)shared->rows, .ws_col = (uint16_t)shared->columns };
		return 0;
	default:
		return -ENOTTY;
	}
}

static enum dune_syscall_action on_ioctl(struct dune_syscall *call, void *arg)
{
	(void)arg;
	if (!kind_of(call->args[0]))
		return DUNE_SYSCALL_FORWARD;
	call->result = control((uint32_t)call->args[1], (void *)call->args[2]);
	return call->result == -ENOTTY ? DUNE_SYSCALL_FORWARD : DUNE_SYSCALL_ANSWER;
}

/* A descriptor more, or in another's place. */
static enum dune_syscall_action on_dup(struct dune_syscall *call, void *arg)
{
	unsigned int kind = kind_of(call->args[0]);
	int command = (int)call->args[1];

	(void)arg;
	if (call->nr == SYS_fcntl && command != F_DUPFD && command != F_DUPFD_CLOEXEC)
		return DUNE_SYSCALL_FORWARD;
	call->result = dune_syscall_forward(call);
	if (call->result >= 0)
		kind_set(call->result, kind);
	return DUNE_SYSCALL_ANSWER;
}

static enum dune_syscall_action on_close(struct dune_syscall *call, void *arg)
{
	uint64_t last = call->nr == SYS_close_range ? (uint32_t)call->args[1] :
						      (uint32_t)call->args[0];
	uint64_t fd = (uint32_t)call->args[0];

	(void)arg;
	/* Before it is closed: the number may be another's at once. */
	if (call->nr == SYS_close || !(call->args[2] & CLOSE_RANGE_CLOEXEC))
		for (; fd <= last && fd < FDS; fd++)
			kind_set((int64_t)fd, 0);
	return DUNE_SYSCALL_FORWARD;
}

static bool is_file(int fd, uint64_t device, uint64_t inode)
{
	struct stat status;

	return !guest_syscall3(SYS_fstat, fd, (long)&status, 0) && status.st_dev == device &&
	       status.st_ino == inode;
}

static bool find_descriptors(const struct rt_terminal *shared)
{
	bool any = false;
	int fd, i;

	for (fd = 0; fd < RT_STREAMS; fd++) {
		for (i = 0; i < RT_STREAMS; i++) {
			if (!is_file(fd, shared->files[i].device, shared->files[i].inode))
				continue;
			terminal.kind[fd] = (uint8_t)(i + 1);
			any = true;
		}
	}
	return any;
}

static struct rt_shared *map(int fd)
{
	struct stat status;
	uint64_t args[6] = { 0, sizeof(struct rt_shared), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_POPULATE, (uint64_t)fd, 0 };
	struct rt_shared *shared;
	long at;

	if (guest_syscall3(SYS_fstat, fd, (long)&status, 0) ||
	    (uint64_t)status.st_size < sizeof(*shared))
		return NULL;
	at = ring0_here() ? syscall_past_hooks(SYS_mmap, args) :
			       raw_syscall6(SYS_mmap, 0, (long)args[1], (long)args[2],
					    (long)args[3], fd, 0);
	if (at < 0 && at > -4096)
		return NULL;
	shared = (struct rt_shared *)at;
	if (rt_shared_is(shared, (uint64_t)status.st_size))
		return shared;
	guest_syscall3(SYS_munmap, at, sizeof(*shared), 0);
	return NULL;
}

int terminal_begin(int shared_fd)
{
	static const struct {
		int nr;
		dune_syscall_hook hook;
	} hooks[] = {
		{ SYS_write, on_write }, { SYS_writev, on_writev }, { SYS_ioctl, on_ioctl },
		{ SYS_dup, on_dup }, { SYS_dup2, on_dup }, { SYS_dup3, on_dup },
		{ SYS_fcntl, on_dup }, { SYS_close, on_close }, { SYS_close_range, on_close },
	};
	unsigned int i;

	terminal.shared = map(shared_fd);
	if (!terminal.shared)
		return -EBADF;
	if (!terminal.shared->terminal.on || !find_descriptors(&terminal.shared->terminal))
		return 0;
	terminal.owner = guest_syscall3(SYS_getpid, 0, 0, 0);
	terminal.termios.c_iflag = ICRNL;
	terminal.termios.c_oflag = OPOST | ONLCR;
	terminal.termios.c_cflag = CS8 | CREAD | B38400;
	terminal.termios.c_lflag = ISIG | ICANON | ECHO | ECHOE;
	terminal.termios.c_cc[VMIN] = 1;
	for (i = 0; i < sizeof(hooks) / sizeof(*hooks); i++)
		dune_syscall_hook_set(hooks[i].nr, hooks[i].hook, NULL);
	return 0;
}
