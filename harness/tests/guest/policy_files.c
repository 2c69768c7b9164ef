// SPDX-License-Identifier: MIT
/* A confined program against files, metadata and sockets: a line for each attempt. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#define READABLE "/tmp/in/a"
#define WRITABLE "/tmp/out/a"
#define ROUNDS 400

#ifndef TCP_ZEROCOPY_RECEIVE
#define TCP_ZEROCOPY_RECEIVE 35
#endif

static char at_libdune[] = "";
static volatile int done;
static char *libdune = at_libdune;

static void say(const char *what, long result)
{
	printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "works");
}

/* Somewhere in the loader's own writable memory. */
static void find_libdune(void)
{
	char line[512], mode[8], path[256];
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start;

	while (maps && fgets(line, sizeof(line), maps)) {
		*path = 0;
		if (sscanf(line, "%lx-%*x %7s %*x %*s %*u %255s", &start, mode, path) >= 2 &&
		    !strcmp(path, "/lab/bin/dune") && mode[1] == 'w')
			libdune = (char *)start;
	}
	if (maps)
		fclose(maps);
	printf("libdune found: %s\n", libdune != at_libdune ? "yes" : "no");
}

static void get(const char *what, int fd, int level, int name)
{
	char value[256] = "";
	socklen_t size = sizeof(value);

	say(what, getsockopt(fd, level, name, value, &size));
}

static void options(void)
{
	static struct sock_filter code[1] = { { .code = 6 } };
	const struct sock_fprog filter = { 1, code };
	const unsigned char route[8] = { 0x83, 7, 4, 10, 9, 8, 7, 0 };
	struct timeval wait = { 3, 0 }, back = { 0 };
	int fd = socket(AF_INET, SOCK_STREAM, 0), value = 0, one = 1;
	socklen_t size = 400;

	get("SO_GET_FILTER", fd, SOL_SOCKET, SO_GET_FILTER);
	get("SO_PEERNAME", fd, SOL_SOCKET, SO_PEERNAME);
	get("TCP_ZEROCOPY_RECEIVE", fd, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE);
	get("TCP_INFO", fd, IPPROTO_TCP, TCP_INFO);
	say("SO_ATTACH_FILTER", setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter,
					   sizeof(filter)));
	say("IP_OPTIONS", setsockopt(fd, IPPROTO_IP, IP_OPTIONS, route, sizeof(route)));
	say("SO_TYPE", getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &size));
	printf("its value and size: %d %u\n", value, size);
	say("SO_RCVTIMEO", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)));
	size = sizeof(back);
	say("SO_RCVTIMEO back", getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &back, &size));
	printf("its value and size: %ld %u\n", back.tv_sec, size);
	say("TCP_NODELAY", setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
	size = 1;
	value = 0x500;
	say("TCP_NODELAY in a byte", getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size));
	printf("its value and size: %x %u\n", value, size);
	size = -1;
	say("size below 0", getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size));
	size = sizeof(value);
	say("value in libdune", syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, libdune, &size));
	say("size in libdune", syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &value, libdune));
	say("value from libdune",
	    syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_KEEPALIVE, libdune, sizeof(value)));
	say("bind to an address in libdune", syscall(SYS_bind, fd, libdune, 16));
	close(fd);
}

static void sockets(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(80),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	char text[8] = "";
	int server;

	say("listen without bind", listen(listener, 1));
	at.sin_port = htons(81);
	say("bind elsewhere", bind(listener, (struct sockaddr *)&at, sizeof(at)));
	say("connect elsewhere", connect(client, (struct sockaddr *)&at, sizeof(at)));
	at.sin_port = htons(80);
	say("bind", bind(listener, (struct sockaddr *)&at, sizeof(at)));
	say("listen", listen(listener, 1));
	say("connect", connect(client, (struct sockaddr *)&at, sizeof(at)));
	server = accept(listener, NULL, NULL);
	say("accept", server);
	say("send", send(client, "hello", 6, 0));
	say("receive", recv(server, text, sizeof(text), 0));
	printf("what: %s\n", text);
}

static void mode_of(const char *path)
{
	struct stat status = { 0 };

	say("stat", stat(path, &status));
	printf("its mode: %o\n", status.st_mode & 07777u);
}

static void metadata(void)
{
	const struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
	int in = open(READABLE, O_RDONLY), dir = open("/tmp/in", O_RDONLY | O_DIRECTORY);
	int name = open(READABLE, O_PATH), out, written;
	struct stat status;

	umask(0);
	out = open(WRITABLE, O_RDONLY | O_CREAT, 06755);
	say("make with set-user-ID", out);
	mode_of(WRITABLE);
	say("fchmod of a file for reading", fchmod(in, 0777));
	say("fchmod of a directory for reading", fchmod(dir, 0777));
	say("futimens of a file for reading", futimens(in, times));
	say("utimensat of its descriptor", syscall(SYS_utimensat, in, "", times, 0x1000));
	say("utimensat of a name's", syscall(SYS_utimensat, name, "", times, 0x1000));
	say("chmod by /proc", chmod("/proc/self/fd/3", 0777));
	say("fchmod", fchmod(out, 06711));
	mode_of(WRITABLE);
	say("futimens", futimens(out, times));
	written = stat(WRITABLE, &status) || status.st_mtime != 1;
	printf("its time: %s\n", written ? "another" : "as set");
	say("chmod", chmod(WRITABLE, 07600));
	mode_of(WRITABLE);
	say("utimensat", utimensat(AT_FDCWD, WRITABLE, NULL, 0));
	say("truncate", truncate(WRITABLE, 5));
	say("truncate a directory", truncate("/tmp/out", 5));
	say("truncate for reading", truncate(READABLE, 5));
	say("mkdir", mkdir("/tmp/out/m", 06755));
	mode_of("/tmp/out/m");
	say("mkdirat", mkdirat(open("/tmp/out", O_PATH), "m/n", 0700));
	say("rmdir of what is not empty", rmdir("/tmp/out/m"));
	say("rename over it", rename(WRITABLE, "/tmp/out/m"));
	say("rename into it", rename(WRITABLE, "/tmp/out/m/o"));
	say("unlink of a directory", unlink("/tmp/out/m/n"));
	say("unlinkat", unlinkat(AT_FDCWD, "/tmp/out/m/n", AT_REMOVEDIR));
	say("unlink", unlink("/tmp/out/m/o"));
	say("rmdir", rmdir("/tmp/out/m"));
	say("mkdir without a directory", mkdir("/tmp/out/m/n", 0700));
	say("mkdir of libdune's memory", syscall(SYS_mkdir, libdune, 0700));
	close(in);
	close(dir);
	close(name);
	close(out);
}

static void *exchange(void *arg)
{
	while (!done)
		syscall(SYS_renameat2, AT_FDCWD, "/tmp/out/d", AT_FDCWD, "/tmp/out/link", 2);
	return arg;
}

/* The script looks at what became of /tmp/no, where the link leads. */
static void links(void)
{
	struct stat status;
	pthread_t thread;
	int i, seen = 0;

	mkdir("/tmp/out/d", 0777);
	close(open("/tmp/out/d/a", O_CREAT | O_WRONLY, 0600));
	pthread_create(&thread, NULL, exchange, NULL);
	for (i = 0; i < ROUNDS; i++) {
		truncate("/tmp/out/d/a", 1);
		chmod("/tmp/out/d/a", 0641);
		unlink("/tmp/out/d/b");
		mkdir("/tmp/out/d/c", 0700);
		rename("/tmp/out/d/a", "/tmp/out/d/e");
		rename("/tmp/out/d/e", "/tmp/out/d/a");
		seen += !stat("/tmp/out/d/secret", &status);
	}
	done = 1;
	pthread_join(thread, NULL);
	printf("links that come in between: %s\n", seen ? "followed" : "not followed");
}

static void *flip(void *arg)
{
	while (!done) {
		memcpy(arg, "/proc/1///cwd\0", 15);
		memcpy(arg, "/proc/self/exe", 15);
	}
	return arg;
}

static void own_name(void)
{
	static char name[32] = "/proc/self/exe";
	pthread_t thread;
	int i, others = 0;

	done = 0;
	pthread_create(&thread, NULL, flip, name);
	for (i = 0; i < ROUNDS; i++) {
		char to[128] = "";

		others += syscall(SYS_readlink, name, to, sizeof(to) - 1) > 0 &&
			  strcmp(to, "/bin/policy-files") != 0;
	}
	done = 1;
	pthread_join(thread, NULL);
	printf("own name that another thread changes: %s\n", others ? "leaks" : "never another");
}

static void handler(int nr, siginfo_t *info, void *context)
{
	static const char text[] = "vector registers from libdune: SIGSEGV\n";

	(void)info;
	if (nr == SIGSEGV)
		_exit(write(1, text, sizeof(text) - 1) < 0);
	((ucontext_t *)context)->uc_mcontext.fpregs = (void *)(libdune + 4096 - 64);
}

/* What Linux would copy to where the program finds it. */
static void reads(void)
{
	static char stack[65536];
	const stack_t other = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	char *const argv[] = { "true", libdune, NULL }, *const plain[] = { "true", NULL };

	say("writev by libdune's memory", syscall(SYS_writev, 1, libdune, 1));
	say("execve, argument in libdune", execve("/bin/true", argv, plain));
	say("execve, variable in libdune", execve("/bin/true", plain, argv));
	say("execve, arguments in libdune", execve("/bin/true", (void *)libdune, plain));
	say("execve, variables in libdune", execve("/bin/true", plain, (void *)libdune));
	sigaltstack(&other, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	printf("vector registers from libdune: loaded\n");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	find_libdune();
	options();
	sockets();
	metadata();
	links();
	own_name();
	reads();
	return 0;
}
