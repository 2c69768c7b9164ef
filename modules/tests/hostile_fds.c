// SPDX-License-Identifier: MIT
/*
 * Descriptors in hands they were not made for: of another process, of a child,
 * behind exec, under seccomp, closed in the wrong order, or never closed.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/bare.h"
#include "lib/ktap.h"

struct fds {
	int device, vm, vcpu;
};

/* Everything that may be asked of a VM and its vCPU is refused with EIO. */
static bool all_refused(const struct fds *fds)
{
	struct dune_slot slot = { 0 };
	struct dune_stats stats = { .size = sizeof(stats) };

	return raw_request(fds->vm, DUNE_VM_SLOT, &slot) == -EIO &&
	       raw_request(fds->vm, DUNE_VM_STATS, &stats) == -EIO &&
	       raw_request(fds->vm, DUNE_VM_FLUSH, NULL) == -EIO &&
	       raw_request(fds->vm, 0xdead, NULL) == -EIO &&
	       raw_vcpu_create(fds->vm) == -EIO &&
	       raw_request(fds->vcpu, DUNE_VCPU_RUN, NULL) == -EIO &&
	       raw_request(fds->vcpu, DUNE_VCPU_SREGS, NULL) == -EIO &&
	       raw_request(fds->vcpu, DUNE_VCPU_STATS, &stats) == -EIO &&
	       lseek(fds->vcpu, 0, SEEK_SET) == -1 && errno == EIO &&
	       !raw_run_page(fds->vcpu) && errno == EIO;
}

/* A guest that runs to its end. */
static bool runs(struct bare *bare)
{
	bare_reset(bare);
	bare_load(bare, 0, "", 0);
	return bare_run(bare).reached_end;
}

static bool a_guest_runs(void)
{
	struct bare *bare = bare_create();
	bool ok = runs(bare);

	bare_destroy(bare);
	return ok;
}

/* Exit status of a child that does that; a signal counts as 128 and its number. */
static int in_child(int (*body)(void *arg), void *arg)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(body(arg));
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* SCM_RIGHTS */

static void fds_send(int socket, const struct fds *fds)
{
	char control[CMSG_SPACE(sizeof(*fds))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(*fds));
	memcpy(CMSG_DATA(header), fds, sizeof(*fds));
	if (sendmsg(socket, &message, 0) != 1)
		_exit(2);
}

static bool fds_receive(int socket, struct fds *fds)
{
	char control[CMSG_SPACE(sizeof(*fds))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message))
		return false;
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(*fds));
	return true;
}

static void from_another_process(void)
{
	int sockets[2], status, vm;
	struct fds fds;
	char byte = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets))
		ktap_bail("socketpair");
	pid = fork();
	if (pid == 0) {
		struct bare *bare = bare_create();
		struct fds own = { bare->device, bare->vm, bare->vcpu };

		fds_send(sockets[1], &own);
		if (read(sockets[1], &byte, 1) != 1) /* the receiver has tried */
			_exit(2);
		_exit(!runs(bare));
	}
	if (!fds_receive(sockets[0], &fds))
		ktap_bail("no descriptors came");
	ktap_check(all_refused(&fds), "a VM that another process sent is refused");
	vm = raw_vm_create(fds.device);
	ktap_check(vm >= 0 && raw_vcpu_create(vm) >= 0, "a device that it sent makes own VMs");
	status = write(sockets[0], &byte, 1) != 1;
	waitpid(pid, &status, 0);
	ktap_check(!status, "its maker runs it afterwards");
	ktap_check(all_refused(&fds), "a VM whose process is gone is refused");
	ktap_check(close(fds.vm) == 0 && close(fds.vcpu) == 0, "and closes");
	close(fds.device);
	close(sockets[0]);
	close(sockets[1]);
	closefrom(3);
}

/* fork, clone, exec */

static int refused_to_child(void *arg)
{
	struct bare *bare = arg;
	struct fds fds = { bare->device, bare->vm, bare->vcpu };

	if (!all_refused(&fds))
		return 1;
	/* The run page did not come along: reading it is the child's own end. */
	return mincore(bare->run, DUNE_RUN_PAGE_SIZE, (unsigned char *)&fds) == -1 &&
			       errno == ENOMEM ? 0 : 3;
}

static int shares_memory(void *arg)
{
	struct bare *bare = arg;

	return raw_request(bare->vcpu, DUNE_VCPU_RUN, NULL);
}

static int own_guest(void *arg)
{
	(void)arg;
	return !a_guest_runs();
}

static int exec_without_fds(void *arg)
{
	(void)arg;
	execl("/proc/self/exe", "hostile", "closed", NULL);
	return 9;
}

static int exec_with_fds(void *arg)
{
	struct bare *bare = bare_create();
	char vm[16], vcpu[16];

	(void)arg;
	fcntl(bare->vm, F_SETFD, 0);
	fcntl(bare->vcpu, F_SETFD, 0);
	snprintf(vm, sizeof(vm), "%d", bare->vm);
	snprintf(vcpu, sizeof(vcpu), "%d", bare->vcpu);
	execl("/proc/self/exe", "hostile", vm, vcpu, NULL);
	return 9;
}

static void children(void)
{
	static unsigned char stack[65536] __attribute__((aligned(16)));
	struct bare *bare = bare_create();
	int status = -1;
	pid_t pid;

	ktap_check(in_child(refused_to_child, bare) == 0, "a child is refused its parent's VM");
	ktap_check(runs(bare), "and the parent goes on");
	ktap_check(in_child(own_guest, NULL) == 0, "a child makes a VM of its own");
	bare_reset(bare);
	bare_load(bare, 0, "", 0);
	pid = clone(shares_memory, stack + sizeof(stack), CLONE_VM | SIGCHLD, bare);
	waitpid(pid, &status, 0);
	ktap_check(pid > 0 && status == 0 && bare_end(bare, 0).reached_end,
		   "a process that shares the memory may run it");
	ktap_check(in_child(exec_without_fds, bare) == 0, "no descriptor of ours outlives exec");
	bare_destroy(bare);
	ktap_check(in_child(exec_with_fds, NULL) == 0,
		   "a VM that was made to outlive exec is refused");
}

/* What the program is after its exec. */
static int after_exec(int argc, char **argv)
{
	struct fds fds = { -1, atoi(argv[1]), argc > 2 ? atoi(argv[2]) : -1 };
	DIR *directory;
	struct dirent *entry;
	char path[300], target[256];
	int found = 0;

	if (argc > 2)
		return !all_refused(&fds);
	directory = opendir("/proc/self/fd");
	while (directory && (entry = readdir(directory))) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = 0;
		found += !!strstr(target, "dune");
	}
	return !directory || found;
}

/* seccomp */

static bool filter_refusing(long nr)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int no_ioctl(void *arg)
{
	struct bare *bare = bare_create();

	(void)arg;
	bare_load(bare, 0, "", 0);
	if (!filter_refusing(SYS_ioctl) ||
	    raw_request(bare->vcpu, DUNE_VCPU_RUN, NULL) != -ENOSYS)
		return 1;
	while (lseek(bare->vcpu, 0, SEEK_SET) == -1)
		if (errno != EINTR)
			return 2;
	return !bare_end(bare, 0).reached_end;
}

static int no_lseek(void *arg)
{
	struct bare *bare = bare_create();

	(void)arg;
	bare_load(bare, 0, "", 0);
	if (!filter_refusing(SYS_lseek) || lseek(bare->vcpu, 0, SEEK_SET) != -1 || errno != ENOSYS)
		return 1;
	return !bare_run(bare).reached_end;
}

static int strict(void *arg)
{
	struct bare *bare = bare_create();

	(void)arg;
	bare_load(bare, 0, "", 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	return bare_run(bare).reached_end;
}

static void under_seccomp(void)
{
	ktap_check(in_child(no_ioctl, NULL) == 0, "a seccomp filter without ioctl leaves lseek");
	ktap_check(in_child(no_lseek, NULL) == 0, "a seccomp filter without lseek leaves ioctl");
	ktap_check(in_child(strict, NULL) == 128 + SIGKILL,
		   "strict seccomp kills what runs a guest");
}

/* The order of closing, and not closing at all */

static int all_open(void *arg)
{
	struct bare *bare = bare_create();
	int i;

	(void)arg;
	for (i = 0; i < 20; i++)
		if (raw_vcpu_create(bare->vm) < 0 || raw_vm_create(bare->device) < 0)
			return 1;
	return !runs(bare);
}

static void closing(void)
{
	struct bare *bare = bare_create();
	struct dune_run *page;
	int vcpu, vm;

	close(bare->vm);
	ktap_check(runs(bare), "a vCPU runs without its VM's descriptor");
	bare->vm = -1;
	bare_destroy(bare);
	ktap_check(a_guest_runs(), "and leaves nothing in the way of the next");

	vm = raw_vm_create(open(DUNE_DEVICE_PATH, O_RDWR));
	vcpu = raw_vcpu_create(vm);
	page = raw_run_page(vcpu);
	close(vm);
	close(vcpu);
	page->regs.rax = 7;
	ktap_check(page->regs.rax == 7, "a run page outlives its vCPU");
	ktap_check(raw_request(vcpu, DUNE_VCPU_RUN, NULL) == -EBADF, "which runs no more");
	vm = raw_vm_create(open(DUNE_DEVICE_PATH, O_RDWR));
	vcpu = raw_vcpu_create(vm);
	ktap_check(vcpu >= 0 && raw_run_page(vcpu) != page && raw_run_page(vcpu)->regs.rax == 0,
		   "and is no other vCPU's");
	munmap(page, DUNE_RUN_PAGE_SIZE);
	ktap_check(in_child(all_open, NULL) == 0, "exit closes what is open");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return after_exec(argc, argv);
	ktap_plan(20);
	from_another_process();
	children();
	under_seccomp();
	closing();
	return ktap_exit_status();
}
