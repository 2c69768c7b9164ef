// SPDX-License-Identifier: MIT
/*
 * What a process can make the module hold: each limit has its errno, and what
 * has no number is memory, charged to the memory cgroup of the process.
 * `test-limits greedy` takes vCPUs until it is refused or killed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/bare.h"
#include "lib/ktap.h"

#define CGROUPS "/tmp/cgroups"
#define OWN CGROUPS "/limits"
#define REGION_ADDRESS 0x110000000000ul
#define REGION_TABLES 512ul /* 2 MiB each */

static int device;

static long file_number(const char *path)
{
	char text[32] = "-1";
	FILE *file = fopen(path, "r");

	if (file && !fgets(text, sizeof(text), file))
		text[0] = 0;
	if (file)
		fclose(file);
	return atol(text);
}

static bool file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return ok;
}

static long live(const char *name)
{
	FILE *file = fopen("/sys/kernel/debug/dune/stats", "r");
	char line[64];
	long value = -1;

	while (file && fscanf(file, "%63s %ld", line, &value) == 2)
		if (!strcmp(line, name))
			break;
	if (file)
		fclose(file);
	return value;
}

/* Make until one is refused: how many there were, and the error. */
static unsigned int fill(int (*make)(int), int from, int *fds, unsigned int room, int *error)
{
	unsigned int n = 0;

	*error = 0;
	while (n < room) {
		fds[n] = make(from);
		if (fds[n] < 0) {
			*error = fds[n];
			break;
		}
		n++;
	}
	return n;
}

static void empty(const int *fds, unsigned int n)
{
	while (n)
		close(fds[--n]);
}

/* What another user's request for a VM gives: 0 or -errno; 1 if there is no other user. */
static int other_user(void)
{
	int status = 0, vm;
	pid_t pid = fork();

	if (pid == 0) {
		if (setuid(1000))
			_exit(255);
		vm = raw_vm_create(device);
		_exit(vm < 0 ? -vm : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) == 255)
		return 1;
	return -WEXITSTATUS(status);
}

static void numbers(void)
{
	static int fds[4096];
	struct dune_info info = { .size = sizeof(info) };
	struct rlimit files, few;
	unsigned int n, limit;
	int error, refused, vm;

	limit = file_number("/sys/module/dune/parameters/vms_per_user");
	n = fill(raw_vm_create, device, fds, 4096, &error);
	ktap_check(n == limit && error == -EDQUOT, "VMs of a user run out with EDQUOT");
	ktap_check(other_user() == 0, "another user has its own");
	close(fds[--n]);
	fds[n] = raw_vm_create(device);
	ktap_check(fds[n] >= 0, "one that is closed makes room");
	ktap_check(file_write("/sys/module/dune/parameters/vms_per_user", "0"),
		   "the limit may change at any time");
	ktap_check(raw_vm_create(device) == -EDQUOT && other_user() == -EDQUOT,
		   "to none at all");
	empty(fds, n + 1);
	file_write("/sys/module/dune/parameters/vms_per_user", "256");

	raw_request(device, DUNE_GET_INFO, &info);
	vm = raw_vm_create(device);
	n = fill(raw_vcpu_create, vm, fds, 4096, &error);
	ktap_check(n == info.vcpus_max && error == -EMFILE, "vCPUs of a VM run out with EMFILE");
	empty(fds, n);

	getrlimit(RLIMIT_NOFILE, &files);
	few = (struct rlimit){ 32, files.rlim_max };
	setrlimit(RLIMIT_NOFILE, &few);
	n = fill(raw_vcpu_create, vm, fds, 64, &error);
	refused = raw_vm_create(device);
	setrlimit(RLIMIT_NOFILE, &files); /* to read the counters */
	ktap_check(n < 32 && error == -EMFILE && live("live_vcpus") == (long)n,
		   "without a free descriptor there is no vCPU");
	ktap_check(refused == -EMFILE && live("live_vms") == 1, "and no VM");
	empty(fds, n);
	close(vm);
	ktap_check(!live("live_vms") && !live("live_vcpus") && !live("live_tables"),
		   "all is given back");
}

/* Memory cgroups: everything in one of its own, from here on. */
static bool cgroup_enter(void)
{
	char self[16];

	mkdir(CGROUPS, 0755);
	if (mount("none", CGROUPS, "cgroup2", 0, NULL) && errno != EBUSY)
		return false;
	mkdir(OWN, 0755);
	snprintf(self, sizeof(self), "%d", getpid());
	return file_write(CGROUPS "/cgroup.subtree_control", "+memory") &&
	       file_write(OWN "/cgroup.procs", self);
}

static long charged(void)
{
	return file_number(OWN "/memory.current");
}

/* A GiB of the page of zeros, through a guest that looks at it every 2 MiB. */
static long nested_tables_charge(void)
{
	/* 1: mov (%rsi), %al; add $2 MiB, %rsi; dec %rcx; jnz 1b */
	static const char look[] = "\x8a\x06\x48\x81\xc6\x00\x00\x20\x00\x48\xff\xc9\x75\xf2";
	struct dune_slot slot = { .hva = REGION_ADDRESS };
	struct bare *bare = bare_create();
	uint64_t *root = (uint64_t *)bare_at(bare, BARE_ROOT);
	uint64_t *pdpt = (uint64_t *)bare_at(bare, BARE_FREE);
	uint64_t *pd = (uint64_t *)bare_at(bare, BARE_FREE + 1);
	volatile char *region = mmap((void *)REGION_ADDRESS, REGION_TABLES << 21, PROT_READ,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	long before, after;
	unsigned long i;

	if (region == MAP_FAILED || madvise((void *)region, REGION_TABLES << 21, MADV_NOHUGEPAGE) ||
	    raw_request(bare->vm, DUNE_VM_SLOT, &slot))
		return -1;
	/* The host's own tables first: they are charged, too. */
	for (i = 0; i < REGION_TABLES; i++) {
		(void)region[i << 21];
		pd[i] = (slot.gpa + (i << 21)) | 0x80 | BARE_PRESENT;
	}
	pdpt[0] = (bare->gpa + (BARE_FREE + 1) * BARE_PAGE) | BARE_PRESENT;
	root[REGION_ADDRESS >> 39] = (bare->gpa + BARE_FREE * BARE_PAGE) | BARE_PRESENT;
	bare_load(bare, 0, look, sizeof(look) - 1);
	bare->run->regs.rsi = REGION_ADDRESS;
	bare->run->regs.rcx = REGION_TABLES;
	before = charged();
	if (!bare_run(bare).reached_end)
		return -1;
	after = charged();
	bare_destroy(bare);
	munmap((void *)region, REGION_TABLES << 21);
	return after - before;
}

static void memory(void)
{
	static int fds[500];
	int error, vm;
	unsigned int n;
	long before, grown;

	if (!ktap_check(cgroup_enter(), "a memory cgroup"))
		return;
	vm = raw_vm_create(device);
	before = charged();
	n = fill(raw_vcpu_create, vm, fds, 500, &error);
	grown = charged() - before;
	/* Each has a run page and a control block. */
	ktap_check(n == 500 && grown >= 500 * 2 * 4096,
		   "vCPUs are charged to the cgroup: %ld bytes", grown);
	empty(fds, n);
	close(vm);
	grown = nested_tables_charge();
	/* Linux charges 64 pages in advance on each of the two CPUs: so much may be paid before. */
	ktap_check(grown >= (long)(REGION_TABLES - 2 * 64) * 4096,
		   "nested tables are charged to the cgroup: %ld bytes", grown);
	ktap_check(!live("live_vms") && !live("live_tables"), "and freed");
}

/* In a cgroup that others limit. */
static int greedy(void)
{
	unsigned long n = 0;
	int vm = -1, vcpu;

	for (;; n++) {
		if (n % 1000 == 0)
			vm = raw_vm_create(device);
		vcpu = raw_vcpu_create(vm);
		if (vcpu < 0)
			return printf("refused after %lu: %s\n", n, strerror(-vcpu)), 0;
	}
}

int main(int argc, char **argv)
{
	struct rlimit files = { 65536, 65536 };

	setrlimit(RLIMIT_NOFILE, &files);
	device = open(DUNE_DEVICE_PATH, O_RDWR | O_CLOEXEC);
	if (device < 0)
		ktap_bail("%s: %s", DUNE_DEVICE_PATH, strerror(errno));
	if (argc > 1 && !strcmp(argv[1], "greedy"))
		return greedy();
	ktap_plan(13);
	numbers();
	memory();
	close(device);
	return ktap_exit_status();
}
