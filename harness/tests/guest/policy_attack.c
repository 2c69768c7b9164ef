// SPDX-License-Identifier: MIT
/* A confined program that tries what its policy does not allow: a line for each attempt. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
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

/* Where the last memory of a file begins that is mapped so (w: writable). */
static uint64_t mapped(const char *name, const char *how)
{
	char line[512], mode[8], path[256];
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start, found = 0;

	while (maps && fgets(line, sizeof(line), maps)) {
		*path = 0;
		if (sscanf(line, "%lx-%*x %7s %*x %*s %*u %255s", &start, mode, path) >= 2 &&
		    strstr(path, name) && strstr(mode, how))
			found = start;
	}
	if (maps)
		fclose(maps);
	return found;
}

/* Somewhere in the loader's own writable memory. */
static uint64_t loader(void)
{
	return mapped("/lab/bin/dune", "w");
}

/* The only thread's block, which has a vCPU's run page in it: libdune's memory begins there. */
static char *block(void)
{
	return (char *)(mapped("anon_inode:", "w") & ~0x1fffful);
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

#define LARGE (2ul << 20)

/* Linux rounds sizes up where pages are large: to what the loader has below its start. */
static void large_pages(void)
{
	/* The loader's code begins its image, but for a few pages. */
	char *at = (char *)(mapped("/lab/bin/dune", "x") & ~(LARGE - 1));
	char *page = mmap(NULL, LARGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	say("large page", page == MAP_FAILED ? -1 : 0);
	say("mmap of a large page over libdune",
	    mmap(at, 4096, PROT_READ | PROT_WRITE,
		 MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0) == MAP_FAILED
		    ? -1 : 0);
	say("mremap of a large page over libdune",
	    mremap(page, LARGE, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, at) == MAP_FAILED ? -1 : 0);
	munmap(page, LARGE);
}

/* What Linux reads and writes as much of as a number says that is another argument. */
static void sizes(void)
{
	struct rlimit files;
	struct timeval now = { 0, 0 };
	char *at = block();
	int fd;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
	setrlimit(RLIMIT_NOFILE, &files);
	fd = fcntl(1, F_DUPFD, 1024); /* Linux looks no further than there are files */
	say("memory before libdune", mmap(at - 4096, 4096, PROT_READ | PROT_WRITE,
					  MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
					     MAP_FAILED ? -1 : 0);
	say("select of less", select(1024, (fd_set *)(at - 128), NULL, NULL, &now));
	say("select up to libdune", select(1025, (fd_set *)(at - 128), NULL, NULL, &now));
	say("getgroups up to libdune", syscall(SYS_getgroups, 65536, at - 4096));
	close(fd);
}

/* libdune's own descriptors: the number of calls that do not say EBADF. */
static void descriptors(void)
{
	int fd, seen = 0, from = sysconf(_SC_OPEN_MAX), out[2];

	pipe(out);
	for (fd = from - from / 4; fd < from; fd++) {
		seen += fcntl(fd, F_DUPFD, 0) >= 0;
		seen += fcntl(fd, F_SETFD, 0) == 0;
		seen += lseek(fd, 0, SEEK_SET) >= 0;
		seen += ioctl(fd, FIOCLEX) == 0;
		seen += fchmod(fd, 0777) == 0;
		seen += fstat(fd, &(struct stat){ 0 }) == 0;
		seen += dup2(out[0], fd) == fd && close(fd) && 0;
	}
	printf("descriptors of libdune: %d calls work\n", seen);
}

/* A descriptor of libdune's that is about to be hidden: a vCPU's can be mapped. */
static void *takes(void *first)
{
	static char taken[] = "taken";

	while (done == 1) {
		int fd = fcntl(*(int *)first, F_DUPFD, 100);

		if (fd < 0)
			continue;
		if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED)
			return taken;
		close(fd);
	}
	return NULL;
}

static void *nothing(void *arg)
{
	return arg;
}

static void new_threads(void)
{
	int i, first = dup(0);
	pthread_t taker, thread;
	void *taken;

	close(first);
	pthread_create(&taker, NULL, takes, &first);
	for (i = 0; i < 300; i++) {
		pthread_create(&thread, NULL, nothing, NULL);
		pthread_join(thread, NULL);
	}
	done = 2;
	pthread_join(taker, &taken);
	printf("descriptors of new threads: %s\n", taken ? "taken" : "never seen");
}

static void shared(const char *what, unsigned long flags)
{
	long child = syscall(SYS_clone, flags, 0, 0, 0, 0);

	if (!child)
		syscall(SYS_exit, 0);
	say(what, child);
	while (wait(NULL) > 0)
		;
}

static void *blocks(void *arg)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	for (;;)
		usleep(100000);
	return arg;
}

/* Writes when it gets what it may not have: only without hooks. */
static void *opens(void *out)
{
	for (;;)
		if (syscall(SYS_open, SECRET, O_RDONLY) >= 0)
			syscall(SYS_write, *(int *)out, "x", 1);
	return NULL;
}

static void *aborts(void *arg)
{
	raise(SIGABRT);
	return arg;
}

static void *faults(void *arg)
{
	raise(SIGSEGV);
	return arg;
}

/* While a thread ends the process, another one may not go on without hooks. */
static void abort_with(const char *what, void *(*other)(void *))
{
	int status, out[2];
	char escaped = '-';
	pthread_t thread;
	pid_t child;

	pipe(out);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fflush(stdout);
	child = fork();
	if (!child) {
		pthread_create(&thread, NULL, opens, out + 1);
		pthread_create(&thread, NULL, blocks, NULL);
		usleep(20000);
		if (other)
			pthread_create(&thread, NULL, other, NULL);
		raise(SIGABRT);
	}
	waitpid(child, &status, 0);
	read(out[0], &escaped, 1);
	printf("%s: %s, %s, %s\n", what, WIFSIGNALED(status) ? "a signal" : "no signal",
	       WCOREDUMP(status) ? "a core dump" : "no core dump",
	       escaped == 'x' ? "escapes" : "stays inside");
	close(out[0]);
	close(out[1]);
}

static void core(void)
{
	const struct rlimit most = { RLIM_INFINITY, RLIM_INFINITY };

	say("setrlimit of core dumps", setrlimit(RLIMIT_CORE, &most));
	abort_with("abort", NULL);
	abort_with("abort twice", aborts);
	abort_with("abort and a fault", faults);
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
	large_pages();
	sizes();
	descriptors();
	new_threads();
	shared("memory without descriptors", CLONE_VM | SIGCHLD);
	shared("descriptors without memory", CLONE_FILES | SIGCHLD);
	shared("memory and descriptors", CLONE_VM | CLONE_FILES | SIGCHLD);
	shared("vfork", CLONE_VM | CLONE_VFORK | SIGCHLD);
	say("madvise that breaks memory", madvise((void *)(loader() & 0), 4096, 100));
	core();
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
