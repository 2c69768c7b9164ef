// SPDX-License-Identifier: MIT
/*
 * The user/kernel contract itself, without libdune: every wrong use gets its
 * errno, and a guest in ring 3 gets nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <uapi/dune.h>
#include <unistd.h>

#include "lib/bare.h"
#include "lib/ktap.h"

static int device;

/* A guest of a few bytes: any exception is a triple fault. */
static struct bare *guest_create(const void *code, size_t size)
{
	struct bare *g = bare_create();

	memset(bare_gate(g, 0), 0, BARE_PAGE);
	bare_load(g, 0, code, size);
	return g;
}

#define RUNS_TO(code, reason) \
	({                                                              \
		struct bare *g_ = guest_create(code, sizeof(code) - 1); \
		int ret_ = raw_run(g_->vcpu);                              \
		bool ok_ = !ret_ && g_->run->exit_reason == (reason);    \
		if (!ok_)                                               \
			printf("# run %d, exit reason %u, hw %#llx\n", ret_, \
			       g_->run->exit_reason, g_->run->hw_reason); \
		bare_destroy(g_);                                     \
		ok_;                                                    \
	})

static void device_requests(void)
{
	struct dune_info info = { .size = sizeof(info) };
	struct dune_vm_create args = { .size = sizeof(args) - 1 };

	ktap_check(!raw_request(device, DUNE_GET_INFO, &info) &&
			   info.abi_version == DUNE_ABI_VERSION && info.slots_max >= 64 &&
			   info.gpa_bits >= 36,
		   "info: backend %u, %u guest-physical bits, %u slots", info.backend,
		   info.gpa_bits, info.slots_max);
	info.size = 4;
	ktap_check(raw_request(device, DUNE_GET_INFO, &info) == -EINVAL, "info of a wrong size");
	ktap_check(raw_request(device, DUNE_GET_INFO, (void *)8) == -EFAULT,
		   "info at a bad address");
	ktap_check(raw_request(device, DUNE_VM_CREATE, &args) == -EINVAL, "VM of a wrong size");
	args = (struct dune_vm_create){ .size = sizeof(args), .flags = 1 };
	ktap_check(raw_request(device, DUNE_VM_CREATE, &args) == -EINVAL, "VM with unknown flags");
	ktap_check(raw_request(device, DUNE_VCPU_RUN, NULL) == -ENOTTY &&
			   raw_request(device, 0xdeadbeef, NULL) == -ENOTTY,
		   "unknown requests");
}

static void vm_requests(void)
{
	struct dune_vcpu_create args = { .size = 1 };
	struct dune_slot slot = { .hva = 1ul << 47 }, other = { .hva = 5ul << 30 };
	struct dune_stats stats = { .size = sizeof(stats) };
	int vm = raw_vm_create(device), i, ret = 0;

	ktap_check(vm >= 0, "VM");
	ktap_check(fcntl(vm, F_GETFD) == FD_CLOEXEC, "its descriptor closes on exec");
	ktap_check(raw_request(vm, DUNE_VCPU_CREATE, &args) == -EINVAL, "vCPU of a wrong size");
	ktap_check(raw_request(vm, DUNE_VM_SLOT, &slot) == -ERANGE, "slot beyond user space");
	slot.hva = (5ul << 30) + 12345;
	ktap_check(!raw_request(vm, DUNE_VM_SLOT, &slot) &&
			   !raw_request(vm, DUNE_VM_SLOT, &other) &&
			   slot.gpa == other.gpa,
		   "the same GiB gives the same slot");
	for (i = 6; i < 5000 && !ret; i++) {
		slot.hva = (uint64_t)i << 30;
		ret = raw_request(vm, DUNE_VM_SLOT, &slot);
	}
	ktap_check(ret == -ENOSPC, "slots run out with ENOSPC");
	ktap_check(!raw_request(vm, DUNE_VM_STATS, &stats) && stats.entries == 0, "counters");
	stats.size = 1;
	ktap_check(raw_request(vm, DUNE_VM_STATS, &stats) == -EINVAL, "counters of a wrong size");
	ktap_check(!raw_request(vm, DUNE_VM_FLUSH, NULL), "translations of no vCPU are dropped");
	close(vm);
}

static void run_page_mappings(void)
{
	int vm = raw_vm_create(device), vcpu = raw_vcpu_create(vm);

	ktap_check(mmap(NULL, 4096, PROT_READ, MAP_SHARED, vcpu, 4096) == MAP_FAILED &&
			   mmap(NULL, 8192, PROT_READ, MAP_SHARED, vcpu, 0) == MAP_FAILED &&
			   mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, vcpu, 0) == MAP_FAILED &&
			   mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, vcpu, 0) ==
				   MAP_FAILED,
		   "wrong offset, size, private, executable mappings of the run page");
	ktap_check(raw_request(vcpu, DUNE_VCPU_RUN, NULL) == -EINVAL,
		   "run without system state");
	ktap_check(raw_request(vcpu, DUNE_VCPU_RUN, (void *)1) == -EINVAL, "run with an argument");
	close(vcpu);
	close(vm);
}

/* Each change makes the state one that no CPU may be given. */
static bool state_refused(void (*spoil)(struct dune_run *run))
{
	struct bare *g = guest_create("\xf4", 1);
	bool ok;

	spoil(g->run);
	ok = raw_run(g->vcpu) == -EINVAL;
	bare_destroy(g);
	return ok;
}

static void bad_rip(struct dune_run *run) { run->regs.rip = 1ull << 63; }
static void bad_cr3(struct dune_run *run) { run->sregs.cr3 = 1ull << 39; }
static void keeping_cr3(struct dune_run *run) { run->sregs.cr3 |= 1ull << 63; }
static void bad_gdt(struct dune_run *run) { run->sregs.gdt_base = 1ull << 60; }
static void bad_lstar(struct dune_run *run) { run->sregs.lstar = 1ull << 60; }
static void bad_fs(struct dune_run *run) { run->sregs.fs_base = 1ull << 47; }
static void user_cs(struct dune_run *run) { run->sregs.cs = 0x33; }
static void null_cs(struct dune_run *run) { run->sregs.cs = 0; }
static void ring_1(struct dune_run *run) { run->sregs.cs = 0x11, run->sregs.ss = 0x19; }
static void null_ss(struct dune_run *run) { run->sregs.cs = BARE_CS3, run->sregs.ss = 3; }
static void local_cs(struct dune_run *run) { run->sregs.cs = 0x14; }
static void bad_flags(struct dune_run *run) { run->flags |= 1u << 31; }
static void bad_reserved(struct dune_run *run) { run->sregs.reserved = 1; }
static void bad_event(struct dune_run *run)
{
	run->flags |= DUNE_RUN_EVENT;
	run->event.vector = 2;
}
static void hole_event(struct dune_run *run)
{
	run->flags |= DUNE_RUN_EVENT;
	run->event.vector = 22;
}
static void bad_tail(struct dune_run *run) { run->reserved[1] = 1; }
static void masked_interrupt(struct dune_run *run)
{
	run->flags |= DUNE_RUN_EVENT;
	run->event = (struct dune_event){ .vector = 0x40 };
	run->regs.rflags = 2;
}

static void bad_states(void)
{
	static const struct {
		const char *name;
		void (*spoil)(struct dune_run *run);
	} states[] = {
		{ "non-canonical rip", bad_rip }, { "cr3 outside all slots", bad_cr3 },
		{ "cr3 that keeps translations", keeping_cr3 }, { "non-canonical gdt", bad_gdt },
		{ "non-canonical lstar", bad_lstar }, { "non-canonical fs", bad_fs },
		{ "ring-3 cs and ring-0 ss", user_cs }, { "null cs", null_cs },
		{ "ring 1", ring_1 },		  { "null ss in ring 3", null_ss },
		{ "cs of a local table", local_cs },
		{ "unknown flags", bad_flags },	  { "reserved field", bad_reserved },
		{ "a vector that is no exception", hole_event },
		{ "reserved tail", bad_tail },	  { "NMI as event", bad_event },
		{ "interrupt with IF clear", masked_interrupt },
	};
	unsigned int i;

	for (i = 0; i < sizeof(states) / sizeof(*states); i++)
		ktap_check(state_refused(states[i].spoil), "%s: EINVAL", states[i].name);
}

static bool pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

/* The guest's code is hypercalls: each run is one more. */
static bool moves_between_cpus(struct bare *g)
{
	cpu_set_t before;
	bool ok = true;
	int i;

	sched_getaffinity(0, sizeof(before), &before);
	bare_load(g, 0, "\x0f\x01\xd9\xeb\xfb", 5); /* vmmcall; jmp to it */
	g->run->regs.rbx = 0x1234;
	for (i = 0; i < 20 && ok; i++)
		ok = pin(0) && !raw_run(g->vcpu) && pin(1) &&
		     !raw_request(g->vcpu, DUNE_VCPU_SREGS, NULL) &&
		     g->run->sregs.gdt_base == bare_at(g, BARE_GDT) &&
		     g->run->regs.rbx == 0x1234;
	sched_setaffinity(0, sizeof(before), &before);
	return ok;
}

/* The other way to run a vCPU; a thread that was preempted meanwhile has to ask again, here too. */
static long run_by_lseek(int vcpu)
{
	long ret;

	while ((ret = lseek(vcpu, 0, SEEK_SET)) < 0 && errno == EINTR)
		;
	return ret;
}

static void guests(void)
{
	struct bare *g = guest_create("\x0f\x01\xd9\x0f\x01\xd9", 6);

	g->run->regs.rax = 39;
	ktap_check(!raw_run(g->vcpu) && g->run->exit_reason == DUNE_EXIT_SYSCALL &&
			   g->run->regs.rax == 39,
		   "hypercall in ring 0 asks for a system call");
	ktap_check(!run_by_lseek(g->vcpu) && g->run->exit_reason == DUNE_EXIT_SYSCALL,
		   "and goes on behind it, run by lseek");
	ktap_check(lseek(g->vcpu, 0, SEEK_END) == -1 && errno == EINVAL &&
			   lseek(g->vcpu, 1, SEEK_SET) == -1 && errno == EINVAL,
		   "other ways to seek: EINVAL");
	g->run->sregs.cr3 = 0;
	ktap_check(!raw_request(g->vcpu, DUNE_VCPU_SREGS, NULL) && g->run->sregs.cs == 0x10 &&
			   g->run->sregs.cr3 != 0,
		   "system state comes back when asked for");
	ktap_check(moves_between_cpus(g), "asked for on another CPU, run on the first again");
	bare_destroy(g);

	/* In ring 3: movb $1,(%rdi) to show it got there, vmmcall. No IDT: triple fault. */
	g = guest_create("", 0);
	bare_load(g, 3, "\xc6\x07\x01\x0f\x01\xd9", 6);
	ktap_check(!raw_run(g->vcpu) && g->run->exit_reason == DUNE_EXIT_SHUTDOWN &&
			   g->memory[BARE_DATA * BARE_PAGE] == 1,
		   "hypercall in ring 3 is an invalid opcode");
	bare_destroy(g);

	/* The same, begun there: mov %cs,(%rdi), vmmcall. */
	g = guest_create("", 0);
	bare_load(g, 0, "\x8c\x0f\x0f\x01\xd9", 5);
	g->run->sregs.cs = BARE_CS3;
	g->run->sregs.ss = BARE_SS3;
	ktap_check(!raw_run(g->vcpu) && g->run->exit_reason == DUNE_EXIT_SHUTDOWN &&
			   g->memory[BARE_DATA * BARE_PAGE] == BARE_CS3,
		   "a vCPU begins in ring 3 if its segments say so");
	bare_destroy(g);
	ktap_check(RUNS_TO("\x0f\x0b", DUNE_EXIT_SHUTDOWN), "triple fault is a shutdown");
	ktap_check(RUNS_TO("\x0f\x01\xc1", DUNE_EXIT_SHUTDOWN),
		   "the other vendor's hypercall is an invalid opcode");

	g = guest_create("\x0f\x0b", 2);
	ktap_check(!raw_run(g->vcpu) && raw_run(g->vcpu) == -ENODEV,
		   "a vCPU that shut down is dead");
	bare_destroy(g);

	g = guest_create("\xc6\x00\x01\x0f\x01\xd9", 6); /* movb $1,(%rax); vmmcall */
	g->run->regs.rax = bare_at(g, BARE_DATA);
	mprotect(g->memory + BARE_DATA * BARE_PAGE, 4096, PROT_READ);
	ktap_check(!raw_run(g->vcpu) && g->run->exit_reason == DUNE_EXIT_FAULT &&
			   g->run->fault.hva == bare_at(g, BARE_DATA) &&
			   g->run->fault.flags == DUNE_FAULT_WRITE,
		   "write to read-only host memory is a fault with its address");
	mprotect(g->memory + BARE_DATA * BARE_PAGE, 4096, PROT_READ | PROT_WRITE);
	ktap_check(!raw_run(g->vcpu) && g->run->exit_reason == DUNE_EXIT_SYSCALL &&
			   g->memory[BARE_DATA * BARE_PAGE] == 1,
		   "repaired, the access repeats");
	bare_destroy(g);

	g = guest_create("\x8a\x00", 2); /* mov (%rax), %al through a wild table entry */
	((uint64_t *)g->memory)[256 - 1] = 0x7f00000007ull;
	g->run->regs.rax = 255ull << 39;
	ktap_check(!raw_run(g->vcpu) && g->run->exit_reason == DUNE_EXIT_FAULT &&
			   g->run->fault.flags & DUNE_FAULT_NO_SLOT,
		   "a table entry outside all slots is a fault without a slot");
	bare_destroy(g);
}

static void *run_in_thread(void *arg)
{
	int vcpu = *(int *)arg, ret;

	while ((ret = raw_request(vcpu, DUNE_VCPU_RUN, NULL)) == -EINTR || ret == -EBUSY)
		;
	return (void *)(long)ret;
}

/* Everybody but the VM's own process, and never two at a time. */
static void ownership(void)
{
	struct bare *g = guest_create("\xeb\xfe", 2); /* jmp . */
	pthread_t thread;
	struct timespec patience;
	void *result = NULL;
	struct dune_stats stats = { .size = sizeof(stats) };
	int ret, error, status = 0;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		struct dune_slot slot = { 0 };
		bool refused = raw_request(g->vcpu, DUNE_VCPU_RUN, NULL) == -EIO &&
			       raw_request(g->vm, DUNE_VM_SLOT, &slot) == -EIO &&
			       raw_vcpu_create(g->vm) == -EIO && !raw_run_page(g->vcpu);

		_exit(!refused);
	}
	waitpid(pid, &status, 0);
	ktap_check(status == 0, "another process's VM and vCPU: EIO");

	pthread_create(&thread, NULL, run_in_thread, &g->vcpu);
	while (!raw_request(g->vm, DUNE_VM_STATS, &stats) && !stats.entries)
		usleep(1000);
	ret = bare_until_busy(g->vcpu, bare_ask_run);
	ktap_check(ret == -EBUSY, "a vCPU that runs: EBUSY");
	/* Scribbling on the page of a running vCPU reaches the CPU only checked. */
	memset((char *)g->run + 16, 0xff, sizeof(*g->run) - 16);
	usleep(20000);
	/* Closed while it runs, it runs on: to the hypercall, once the jump leads there. */
	close(g->vm);
	close(g->vcpu);
	usleep(20000);
	g->memory[BARE_CODE * BARE_PAGE + 1] = 0;
	clock_gettime(CLOCK_REALTIME, &patience);
	patience.tv_sec += 10;
	ret = pthread_timedjoin_np(thread, &result, &patience);
	error = (int)(long)result;
	/* Preempted meanwhile, it asked again: with a spoilt page, or a number that is closed. */
	ktap_check(!ret && ((!error && g->run->exit_reason == DUNE_EXIT_SYSCALL) ||
			    error == -EINVAL || error == -EBADF),
		   "a running vCPU that is closed runs on to its end");
	ktap_check(raw_vm_create(device) >= 0, "and harms nobody");
}

int main(void)
{
	device = open(DUNE_DEVICE_PATH, O_RDWR | O_CLOEXEC);
	if (device < 0)
		ktap_bail("%s: %s", DUNE_DEVICE_PATH, strerror(errno));
	ktap_plan(52);
	device_requests();
	vm_requests();
	run_page_mappings();
	bad_states();
	guests();
	ownership();
	_exit(ktap_exit_status());
}
