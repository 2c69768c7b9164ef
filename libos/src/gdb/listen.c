// SPDX-License-Identifier: MIT
/* Beginning to be debugged: the socket, and the process that serves it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "gdb.h"
#include "listen.h"

extern const char host_loop[];

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_un un;
};

/* "PORT", "HOST:PORT" with a number for HOST, or the path of a socket. */
static int address_parse(const char *text, union address *to, socklen_t *size)
{
	const char *colon = __builtin_strrchr(text, ':'), *digits = colon ? colon + 1 : text;
	char host[INET_ADDRSTRLEN] = "127.0.0.1", *end;
	unsigned long port;

	__builtin_memset(to, 0, sizeof(*to));
	if (__builtin_strchr(text, '/')) {
		if (__builtin_strlen(text) >= sizeof(to->un.sun_path))
			return -ENAMETOOLONG;
		to->un.sun_family = AF_UNIX;
		__builtin_strcpy(to->un.sun_path, text);
		*size = sizeof(to->un);
		return 0;
	}
	if (colon && colon > text) {
		size_t n = (size_t)(colon - text);

		if (n >= sizeof(host))
			return -EINVAL;
		__builtin_memcpy(host, text, n);
		host[n] = 0;
	}
	port = strtoul(digits, &end, 10);
	if (*digits < '0' || *digits > '9' || *end || !port || port > 65535)
		return -EINVAL;
	to->in.sin_family = AF_INET;
	to->in.sin_port = htons((uint16_t)port);
	*size = sizeof(to->in);
	return inet_pton(AF_INET, host, &to->in.sin_addr) == 1 ? 0 : -EINVAL;
}

static int socket_open(const char *text)
{
	union address address;
	socklen_t size;
	int fd, one = 1, error = address_parse(text, &address, &size);

	if (error)
		return error;
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!bind(fd, &address.any, size) && !listen(fd, 1))
		return fd;
	error = -errno;
	close(fd);
	return error;
}

/* Of the stub; keeps the two descriptors, at 3 and 4. */
static void leave_the_rest(int *listener, int *answer)
{
	int null = open("/dev/null", O_RDWR), fd;

	for (fd = 0; fd < 3; fd++)
		if (*listener != fd && *answer != fd)
			dup2(null, fd);
	*listener = fcntl(*listener, F_DUPFD_CLOEXEC, 1000);
	*answer = fcntl(*answer, F_DUPFD_CLOEXEC, 1000);
	dup2(*listener, 3);
	dup2(*answer, 4);
	*listener = 3;
	*answer = 4;
	syscall(SYS_close_range, 5, ~0u, 0);
	setsid(); /* the terminal's signals are the program's */
}

#define OPTIONS                                                                          \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |              \
	 PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXEC)

static int seize(void)
{
	int error = 0;

	session.tasks = mmap(NULL, TASKS_MAX * sizeof(*session.tasks), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (session.tasks == MAP_FAILED)
		return -ENOMEM;
	if (ptrace(PTRACE_SEIZE, session.pid, 0, OPTIONS))
		return -errno;
	task_add(session.pid);
	if (!memory_open())
		error = -errno;
	if (!error && !breakpoint_set((uint64_t)host_loop))
		error = -EFAULT;
	return error;
}

static _Noreturn void stub(pid_t pid, int listener, int answer)
{
	sigset_t all, child;
	int error;

	leave_the_rest(&listener, &answer);
	prctl(PR_SET_NAME, "dune-gdb");
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	session.pid = pid;
	session.listener = listener;
	session.signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	session.dune = session.entering = true;
	error = session.signals < 0 ? -errno : seize();
	if (write(answer, &error, sizeof(error)) != sizeof(error) || error)
		_exit(1);
	close(answer);
	gdb_serve();
}

int gdb_listen(const char *address)
{
	int fd = socket_open(address), error = 0, answer[2];
	pid_t own = getpid(), child;
	pid_t grandchild;

	if (fd < 0)
		return fd;
	if (pipe2(answer, O_CLOEXEC)) {
		error = -errno;
		close(fd);
		return error;
	}
	/* Not a child of the program's, which waits for those that it has. */
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	child = _Fork();
	if (!child) {
		grandchild = _Fork();
		if (!grandchild)
			stub(own, fd, answer[1]);
		_exit(grandchild < 0);
	}
	close(answer[1]);
	close(fd);
	if (child < 0)
		error = -errno;
	else
		waitpid(child, NULL, 0);
	if (!error && read(answer[0], &error, sizeof(error)) != sizeof(error))
		error = -EAGAIN;
	close(answer[0]);
	prctl(PR_SET_PTRACER, 0);
	return error;
}
