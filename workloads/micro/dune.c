// SPDX-License-Identifier: MIT
/* The same guest on dune.ko, by its plain interface. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <uapi/dune.h>
#include <unistd.h>

#include "micro/area.h"
#include "micro/groups.h"
#include "micro/guest.h"
#include "micro/raw.h"

static int device, vm, vcpu;
static enum job_kind hypercall;
static struct dune_run *run_page;

static void must(int result, const char *what)
{
	if (result < 0)
		give_up(what);
}

static void machine_make(struct guest *guest)
{
	struct dune_info info = { .size = sizeof(info) };
	struct dune_vm_create vm_args = { .size = sizeof(vm_args) };
	struct dune_vcpu_create vcpu_args = { .size = sizeof(vcpu_args) };
	struct dune_slot slot = { .hva = 0 };

	must(device = open(DUNE_DEVICE_PATH, O_RDWR | O_CLOEXEC), DUNE_DEVICE_PATH);
	must(ioctl(device, DUNE_GET_INFO, &info), "DUNE_GET_INFO");
	hypercall = info.backend == DUNE_BACKEND_VMX ? JOB_VMCALL : JOB_VMMCALL;
	must(vm = ioctl(device, DUNE_VM_CREATE, &vm_args), "DUNE_VM_CREATE");
	must(vcpu = ioctl(vm, DUNE_VCPU_CREATE, &vcpu_args), "DUNE_VCPU_CREATE");
	/* The first slot is that of guest-physical 0. */
	must(ioctl(vm, DUNE_VM_SLOT, &slot), "DUNE_VM_SLOT");
	run_page = mmap(NULL, DUNE_RUN_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run_page == MAP_FAILED)
		give_up("the run page");
	run_page->sregs = (struct dune_sregs){
		.cr3 = (uint64_t)guest->tables[0],
		.gdt_base = (uint64_t)guest->gdt,
		.gdt_limit = sizeof(guest->gdt) - 1,
		.idt_base = (uint64_t)guest->idt,
		.idt_limit = sizeof(guest->idt) - 1,
		.cs = GUEST_CS,
		.ss = GUEST_SS,
		.tr = GUEST_TR,
	};
	run_page->flags = DUNE_RUN_SREGS;
}

static void job_begin(struct guest *guest)
{
	run_page->regs = (struct dune_regs){
		.rip = (uint64_t)guest_main,
		.rsp = guest_sp(guest),
		.rdi = (uint64_t)&guest->job,
		.rsi = hypercall,
		.rflags = 2,
	};
}

/* One DUNE_VCPU_RUN by either of its two calls is over: whether the job is. */
static bool job_done(long error)
{
	if (error == -EINTR)
		return false;
	if (error || run_page->exit_reason != DUNE_EXIT_SYSCALL) {
		fprintf(stderr, "micro: DUNE_VCPU_RUN: errno %ld, exit reason %u, hardware %#llx\n",
			-error, run_page->exit_reason, run_page->hw_reason);
		exit(3);
	}
	return run_page->regs.rax == JOB_DONE;
}

static void run_job(struct guest *guest)
{
	job_begin(guest);
	while (!job_done(raw_syscall3(SYS_lseek, vcpu, 0, SEEK_SET)))
		;
}

static void run_job_by_ioctl(struct guest *guest)
{
	job_begin(guest);
	while (!job_done(raw_syscall3(SYS_ioctl, vcpu, DUNE_VCPU_RUN, 0)))
		;
}

void group_dune(const struct plan *plan)
{
	struct guest *guest = guest_make();

	machine_make(guest);
	guest_exit_series("dune.exit_kernel", plan, guest, JOB_CPUID, run_job);
	guest_exit_series("dune.exit_user", plan, guest, hypercall, run_job);
	guest_exit_series("dune.exit_user_ioctl", plan, guest, hypercall, run_job_by_ioctl);
	guest_fault_series("dune.fault_present", plan, guest, true, run_job);
	guest_fault_series("dune.fault_fresh", plan, guest, false, run_job);
	if (plan->all) {
		guest_large_series("dune.fault_present_large", plan, guest, true, run_job);
		guest_large_series("dune.fault_fresh_large", plan, guest, false, run_job);
		guest_pte_series("dune.fault_pte", plan, guest, run_job);
		guest_exit_series("dune.cr3", plan, guest, JOB_CR3, run_job);
	}
	munmap(run_page, DUNE_RUN_PAGE_SIZE);
	close(vcpu);
	close(vm);
	close(device);
	guest_free(guest);
}
