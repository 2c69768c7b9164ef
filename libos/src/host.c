// SPDX-License-Identifier: MIT
/* The only file that opens /dev/dune and knows its requests. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include <dune/lifecycle.h>
#include <dune/stats.h>

#include "hidden.h"
#include "host.h"
#include "thread.h"

static long request(int fd, unsigned long nr, void *arg)
{
	return raw_syscall3(SYS_ioctl, fd, (long)nr, (long)arg);
}

static int inherited = -1;

void host_device_inherit(int fd)
{
	inherited = fd;
}

int host_device_open(void)
{
	struct dune_info info = { .size = sizeof(info) };
	long fd, ret;

	fd = inherited;
	if (fd < 0 || raw_syscall3(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC) < 0)
		fd = raw_syscall3(SYS_open, (long)DUNE_DEVICE_PATH, O_RDWR | O_CLOEXEC, 0);
	if (fd < 0)
		return (int)fd;
	fd = hidden_move((int)fd);
	dune_process.device_fd = (int)fd;
	ret = request((int)fd, DUNE_GET_INFO, &info);
	if (!ret && info.abi_version != DUNE_ABI_VERSION)
		ret = -ENOTSUP;
	if (ret) {
		hidden_close((int)fd);
		return (int)ret;
	}
	dune_process.features = info.features;
	dune_process.vmx = info.backend == DUNE_BACKEND_VMX;
	/* From here on: the caller may be in Dune mode, of another libdune. */
	hypercall_is_vmcall = dune_process.vmx;
	return 0;
}

int host_vm_create(void)
{
	struct dune_vm_create args = { .size = sizeof(args) };
	long fd = request(dune_process.device_fd, DUNE_VM_CREATE, &args);

	if (fd < 0)
		return (int)fd;
	dune_process.vm_fd = hidden_move((int)fd);
	dune_process.pid = raw_syscall3(SYS_getpid, 0, 0, 0);
	return 0;
}

int host_vcpu_create(struct dune_thread *thread)
{
	struct dune_vcpu_create args = { .size = sizeof(args) };
	long fd = request(dune_process.vm_fd, DUNE_VCPU_CREATE, &args);
	long run;

	if (fd < 0)
		return (int)fd;
	fd = hidden_move((int)fd);
	run = raw_syscall6(SYS_mmap, (long)thread + RUN_PAGE_OFFSET, DUNE_RUN_PAGE_SIZE,
			   PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	if (run < 0 && run > -4096) {
		hidden_close((int)fd);
		return (int)run;
	}
	thread->vcpu_fd = (int)fd;
	thread->run = (struct dune_run *)run;
	return 0;
}

void host_run_page_drop(struct dune_thread *thread)
{
	raw_syscall6(SYS_mmap, (long)thread + RUN_PAGE_OFFSET, DUNE_RUN_PAGE_SIZE,
		     PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

void host_vcpu_destroy(struct dune_thread *thread)
{
	host_run_page_drop(thread);
	hidden_close(thread->vcpu_fd);
}

/* Bring thread->run->sregs up to date. */
void host_sregs(struct dune_thread *thread)
{
	request(thread->vcpu_fd, DUNE_VCPU_SREGS, NULL);
}

/* Through the guest's own SYSCALL when called in ring 0: the same instruction. */
long host_slot(uintptr_t hva, uint64_t *gpa)
{
	struct dune_slot slot = { .hva = hva };
	long ret = guest_syscall3(SYS_ioctl, dune_process.vm_fd, (long)DUNE_VM_SLOT, (long)&slot);

	*gpa = slot.gpa;
	return ret;
}

long host_flush(void)
{
	return guest_syscall3(SYS_ioctl, dune_process.vm_fd, (long)DUNE_VM_FLUSH, 0);
}

long host_interrupt(struct dune_thread *thread, unsigned int vector)
{
	return guest_syscall3(SYS_ioctl, thread->vcpu_fd, (long)DUNE_VCPU_INTERRUPT, vector);
}

int dune_counters_get(struct dune_counters *counters)
{
	struct dune_stats stats = { .size = sizeof(stats) };
	long ret;

	if (!dune_process.ready)
		return -EPERM;
	ret = guest_syscall3(SYS_ioctl, dune_process.vm_fd, (long)DUNE_VM_STATS, (long)&stats);
	if (ret)
		return (int)ret;
	*counters = (struct dune_counters){
		.entries = stats.entries,
		.interrupts = stats.exits[0],
		.syscalls = stats.exits[1],
		.tdp_faults = stats.exits[2],
		.tdp_maps_4k = stats.tdp_maps_4k,
		.tdp_maps_2m = stats.tdp_maps_2m,
		.invalidations = stats.invalidations,
	};
	return 0;
}
