// SPDX-License-Identifier: MIT
/* A confined program that tries what its policy does not allow: a line for each attempt. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define ALLOWED "/tmp/in/a"
#define SECRET "/tmp/no/a"
#define ROUNDS 100

static char name[] = ALLOWED;
static volatile int done;

static void say(const char *what, long result)
{
	printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "works");
}

/* The second component is what differs. */
static void *flip(void *arg)
{
	while (!done) {
		memcpy(name + 5, "no/a", 5);
		memcpy(name + 5, "in/a", 5);
	}
	return arg;
}

static void race(void)
{
	int i, secrets = 0, opened = 0;
	pthread_t thread;

	pthread_create(&thread, NULL, flip, NULL);
	for (i = 0; i < ROUNDS; i++) {
		char text[16] = "";
		int fd = open(name, O_RDONLY);

		if (fd < 0)
			continue;
		opened++;
		if (read(fd, text, sizeof(text) - 1) > 0)
			secrets += !strncmp(text, "secret", 6);
		close(fd);
	}
	done = 1;
	pthread_join(thread, NULL);
	printf("path that another thread changes: %s\n",
	       secrets ? "leaks" : opened ? "never the other file" : "never opens");
}

/* Somewhere in the loader's own writable memory. */
static uint64_t loader(void)
{
	char line[512], mode[8], path[256];
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start, found = 0;

	while (maps && fgets(line, sizeof(line), maps)) {
		*path = 0;
		if (sscanf(line, "%lx-%*x %7s %*x %*s %*u %255s", &start, mode, path) >= 2 &&
		    !strcmp(path, "/lab/bin/dune") && mode[1] == 'w')
			found = start;
	}
	if (maps)
		fclose(maps);
	return found;
}

static void memory(void)
{
	uint64_t own = loader();
	char *at = (char *)own;
	struct iovec vector[2] = { { name, 1 }, { at, 8 } };
	int fd = open(ALLOWED, O_RDONLY);

	printf("loader found: %s\n", own ? "yes" : "no");
	say("read into libdune", read(fd, at, 8));
	say("read up to libdune", read(fd, at - 8, 4096));
	say("readv into libdune", readv(fd, vector, 2));
	say("fstat into libdune", syscall(SYS_newfstatat, fd, "", at, 0x1000));
	say("stat into libdune", syscall(SYS_stat, ALLOWED, at));
	say("getcwd into libdune", syscall(SYS_getcwd, at, 100));
	say("getrandom into libdune", getrandom(at, 8, 0));
	say("readlink into libdune", readlink("/proc/self/exe", at, 8));
	say("size beyond all memory", read(fd, at, ~0ul >> 1));
	say("madvise of libdune", madvise(at, 4096, MADV_DONTNEED));
	say("process_vm_writev",
	    syscall(SYS_process_vm_writev, getpid(), vector, 1, vector + 1, 1, 0));
	say("open /proc/self/mem", open("/proc/self/mem", O_RDWR));
	close(fd);
}

static void execute(const char *what, const char *path)
{
	char *const argv[] = { (char *)path, NULL };
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	if (!child) {
		execv(path, argv);
		say(what, -1);
		exit(0);
	}
	if (child < 0)
		say(what, child);
	else
		waitpid(child, &status, 0);
}

int main(void)
{
	char text[64];

	setvbuf(stdout, NULL, _IOLBF, 0);
	race();
	memory();
	say("open", open(SECRET, O_RDONLY));
	say("open by ..", open("/tmp/in/../no/a", O_RDONLY));
	say("open by a link", open("/tmp/in/link", O_RDONLY));
	say("open by a link in the middle", open("/tmp/in/dir/a", O_RDONLY));
	say("open by a link that stays inside", open("/tmp/in/inner", O_RDONLY));
	say("open for writing", open(ALLOWED, O_RDWR));
	say("open with O_TRUNC", open(ALLOWED, O_RDONLY | O_TRUNC));
	say("open by a directory", openat(open("/tmp/in", O_RDONLY), "../no/a", O_RDONLY));
	say("stat", access(SECRET, F_OK));
	say("symlink", symlink(SECRET, "/tmp/out/link"));
	say("link", link(ALLOWED, "/tmp/out/link"));
	say("make", open("/tmp/out/made", O_WRONLY | O_CREAT | O_EXCL, 0600));
	say("rename out", rename("/tmp/out/made", "/tmp/in/made"));
	say("rename", rename("/tmp/out/made", "/tmp/out/moved"));
	say("remove elsewhere", unlink(ALLOWED));
	say("remove", unlink("/tmp/out/moved"));
	say("chdir", chdir("/tmp/in"));
	say("relative open", open("a", O_RDONLY));
	say("relative open by ..", open("../no/a", O_RDONLY));
	say("readlink of a link out", readlink("link", text, sizeof(text)));
	say("socket", socket(AF_INET, SOCK_STREAM, 0));
	say("ptrace", syscall(SYS_ptrace, 0, 0, 0, 0));
	say("io_uring", syscall(SYS_io_uring_setup, 1, text));
	say("kill init", syscall(SYS_kill, 1, 0));
	say("unshare", unshare(CLONE_NEWUSER));
	execute("execute elsewhere", "/tmp/no/run");
	execute("execute set-user-ID", "/bin/suid");
	execute("execute what is unreadable", "/bin/strange");
	execute("execute by an interpreter elsewhere", "/bin/script");
	execute("execute", "/bin/true");
	return 0;
}
