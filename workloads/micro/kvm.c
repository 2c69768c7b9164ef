// SPDX-License-Identifier: MIT
/* The same guest on KVM, by its plain interface: one VM, one vCPU, one memory slot. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "micro/area.h"
#include "micro/groups.h"
#include "micro/guest.h"
#include "micro/raw.h"

#define CPUID_ENTRIES 128
#define CR0_LONG_MODE 0x80050033 /* PG AM WP NE ET MP PE */
#define CR4_LONG_MODE 0x620      /* OSXMMEXCPT OSFXSR PAE */
#define EFER_LONG_MODE 0xd01     /* NX LMA LME SCE */

static int kvm, vm, vcpu;
static struct kvm_run *run_page;

static void must(long result, const char *what)
{
	if (result < 0)
		give_up(what);
}

static void vcpu_cpuid(void)
{
	struct kvm_cpuid2 *cpuid;

	cpuid = calloc(1, sizeof(*cpuid) + CPUID_ENTRIES * sizeof(cpuid->entries[0]));
	if (!cpuid)
		give_up("memory");
	cpuid->nent = CPUID_ENTRIES;
	must(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid), "KVM_GET_SUPPORTED_CPUID");
	must(ioctl(vcpu, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
	free(cpuid);
}

static struct kvm_segment segment(uint16_t selector, uint8_t type, bool code)
{
	return (struct kvm_segment){
		.limit = ~0u,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = 1,
		.db = !code,
		.l = code,
		.g = 1,
	};
}

static void vcpu_system_state(struct guest *guest)
{
	struct kvm_sregs s;

	must(ioctl(vcpu, KVM_GET_SREGS, &s), "KVM_GET_SREGS");
	s.cs = segment(GUEST_CS, 0xb, true);
	s.ss = s.ds = s.es = s.fs = s.gs = segment(GUEST_SS, 0x3, false);
	s.gdt.base = (uint64_t)guest->gdt;
	s.gdt.limit = sizeof(guest->gdt) - 1;
	s.idt.base = (uint64_t)guest->idt;
	s.idt.limit = sizeof(guest->idt) - 1;
	s.cr0 = CR0_LONG_MODE;
	s.cr3 = (uint64_t)guest->tables[0];
	s.cr4 = CR4_LONG_MODE;
	s.efer = EFER_LONG_MODE;
	must(ioctl(vcpu, KVM_SET_SREGS, &s), "KVM_SET_SREGS");
}

static void machine_make(struct guest *guest)
{
	struct kvm_userspace_memory_region region = { .memory_size = GUEST_BYTES };
	long size;

	must(kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	must(vm = ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	/* Intel without unrestricted guests wants it; it is outside the guest's memory. */
	must(ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000), "KVM_SET_TSS_ADDR");
	must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
	must(vcpu = ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	must(size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
	run_page = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run_page == MAP_FAILED)
		give_up("the run page");
	vcpu_cpuid();
	vcpu_system_state(guest);
}

static void run_job(struct guest *guest)
{
	struct kvm_regs regs = {
		.rip = (uint64_t)guest_main,
		.rsp = guest_sp(guest),
		.rdi = (uint64_t)&guest->job,
		.rsi = JOB_OUT,
		.rflags = 2,
	};
	const uint32_t *out;
	long error;

	must(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
	do {
		error = raw_syscall3(SYS_ioctl, vcpu, KVM_RUN, 0);
		if (error == -EINTR)
			continue;
		if (error || run_page->exit_reason != KVM_EXIT_IO) {
			fprintf(stderr, "micro: KVM_RUN: errno %ld, exit reason %u\n", -error,
				run_page->exit_reason);
			exit(3);
		}
		out = (void *)((char *)run_page + run_page->io.data_offset);
	} while (error || *out != JOB_DONE);
}

void group_kvm(const struct plan *plan)
{
	struct guest *guest = guest_make();

	machine_make(guest);
	guest_exit_series("kvm.exit_kernel", plan, guest, JOB_CPUID, run_job);
	guest_exit_series("kvm.exit_user", plan, guest, JOB_OUT, run_job);
	guest_fault_series("kvm.fault_present", plan, guest, true, run_job);
	guest_fault_series("kvm.fault_fresh", plan, guest, false, run_job);
	if (plan->all) {
		guest_large_series("kvm.fault_present_large", plan, guest, true, run_job);
		guest_large_series("kvm.fault_fresh_large", plan, guest, false, run_job);
		guest_pte_series("kvm.fault_pte", plan, guest, run_job);
		guest_exit_series("kvm.cr3", plan, guest, JOB_CR3, run_job);
		guest_exit_series("kvm.exit_msr", plan, guest, JOB_RDMSR, run_job);
		guest_exit_series("kvm.exit_io", plan, guest, JOB_OUT, run_job);
	}
	close(vcpu);
	close(vm);
	close(kvm);
	guest_free(guest);
}
