/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The whole contract between dune.ko and a process in Dune mode.
 *
 * Objects are file descriptors: open("/dev/dune") gives the device, its
 * DUNE_VM_CREATE a VM fd (one address space: it belongs to the mm that made
 * it), the VM's DUNE_VCPU_CREATE a vCPU fd (one thread at a time runs it).
 * mmap() of a vCPU fd, offset 0, one page, MAP_SHARED, gives its struct
 * dune_run.
 *
 * Errors all calls share: -EIO the caller's mm is not the VM's (a forked child
 * makes a VM of its own), -EINVAL a reserved field or an unknown flag is set or
 * a size is unknown, -EFAULT a bad pointer, -ENOTTY no such request.
 *
 * Limits: a user has no more VMs than the module's parameter vms_per_user says
 * (DUNE_VM_CREATE: -EDQUOT), a VM no more than vcpus_max vCPUs (-EMFILE) and
 * slots_max slots (-ENOSPC). All memory that a call makes the module allocate is
 * charged to the memory cgroup of the caller (-ENOMEM).
 */
#ifndef _UAPI_DUNE_H
#define _UAPI_DUNE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define DUNE_ABI_VERSION 1
#define DUNE_DEVICE_PATH "/dev/dune"
#define DUNE_SLOT_SHIFT 30 /* guest-physical memory is dealt out in 1 GiB slots */
#define DUNE_RUN_PAGE_SIZE 4096

/* What dune_run.exit_reason can be: name, number, meaning. */
#define DUNE_EXIT_LIST(X)                                                     \
	X(NONE, 0, "the guest has not run yet")                               \
	X(SYSCALL, 1, "ring 0 asks for a system call: perform regs, set rax") \
	X(FAULT, 2, "the host cannot serve a nested fault: see fault")        \
	X(INTR, 3, "a signal or other work waits in ring 3 of the host")      \
	X(SHUTDOWN, 4, "triple fault: this vCPU cannot run again")            \
	X(UNKNOWN, 5, "an exit nobody handles: hw_reason has its number")

enum dune_exit_reason {
#define DUNE_EXIT_ENUM(name, nr, doc) DUNE_EXIT_##name = nr,
	DUNE_EXIT_LIST(DUNE_EXIT_ENUM)
#undef DUNE_EXIT_ENUM
};

/* General registers in hardware encoding order, then rip and rflags. */
struct dune_regs {
	__u64 rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
	__u64 r8, r9, r10, r11, r12, r13, r14, r15;
	__u64 rip, rflags;
};

/*
 * System state of the vCPU. CS, SS and the data segments are flat 64-bit
 * segments of ring 0 or 3, as both selectors say; CR0, CR4 and EFER are fixed by the
 * module (paging, WP, PAE, OSFXSR, OSXSAVE, FSGSBASE and PCIDE where the host
 * uses them, NX, SYSCALL).
 */
struct dune_sregs {
	__u64 cr3;      /* guest-physical, page aligned; below it a PCID, if CR4 has PCIDE */
	__u64 gdt_base; /* all bases canonical */
	__u64 idt_base;
	__u64 tss_base;
	__u64 fs_base;
	__u64 gs_base;
	__u64 kernel_gs_base;
	__u64 star;
	__u64 lstar;
	__u64 sfmask;
	__u16 gdt_limit;
	__u16 idt_limit;
	__u16 tss_limit;
	__u16 cs;
	__u16 ss;
	__u16 tr;
	__u32 reserved; /* 0 */
};

/* An exception (0, 1, 3..8, 10..14, 16..19) or interrupt (32..255) to deliver at entry. */
struct dune_event {
	__u64 cr2;        /* with vector 14 */
	__u32 error_code; /* with vectors that have one (8, 10..14, 17), at most 0x7fff */
	__u8 vector;
	__u8 reserved[3]; /* 0 */
};

#define DUNE_FAULT_WRITE (1u << 0)
#define DUNE_FAULT_EXEC (1u << 1)
#define DUNE_FAULT_NO_SLOT (1u << 2) /* no slot holds this gpa: hva is ~0 */
#define DUNE_FAULT_TABLE (1u << 3)   /* met while walking the guest's page tables */
#define DUNE_FAULT_EVENT (1u << 4)   /* delivering an event: no DUNE_RUN_EVENT (-EBUSY), IF stays */

struct dune_fault {
	__u64 gpa;
	__u64 hva;
	__u32 flags; /* DUNE_FAULT_* */
	__u32 reserved;
};

/* dune_run.flags, set by user space before DUNE_VCPU_RUN, cleared by it */
#define DUNE_RUN_SREGS (1u << 0) /* load sregs before entering */
#define DUNE_RUN_EVENT (1u << 1) /* deliver event at entry */
/* Set by it, ignored as input: an event met this exit, and is delivered at the next entry. */
#define DUNE_RUN_EVENT_WAITS (1u << 2)

/*
 * The vCPU's timer. These words are live: ring 0 of the guest writes them without an exit,
 * and the module reads them before each entry, but one right behind the timer's own interrupt,
 * which has read them. When the TSC has reached the deadline, the
 * guest is sent the vector as by DUNE_VCPU_INTERRUPT, and the deadline becomes ~0. Before
 * every entry the module says in `armed' when it will look by itself, at the latest. So a
 * deadline that is not before that needs nothing more, neither does one that is moved later
 * or taken away; with an earlier one the guest asks for a look by DUNE_HYPERCALL_TIMER.
 *
 * The vector is looked at by a run's start and by that hypercall; from then on until it is
 * found to be none, before each entry.
 */
struct dune_timer {
	__u64 deadline; /* in ticks of the TSC; ~0: none */
	__u64 vector;   /* 32..255; any other number: there is no timer */
	__u64 ahead;    /* if not 0: so many ticks after its interrupt the module looks again */
	__u64 armed;    /* out: by then it looks again, ~0: it does not */
};

/*
 * In rax with the guest's hypercall, in ring 0: look at the timer, and go on with rax 0. Does
 * not come to user space. No system call has that number.
 */
#define DUNE_HYPERCALL_TIMER 0xffffffffabb6b2bbull

/* The run page. The module copies it once per DUNE_VCPU_RUN and checks the copy. */
struct dune_run {
	__u32 flags;       /* in: DUNE_RUN_*; out: 0 or DUNE_RUN_EVENT_WAITS */
	__u32 exit_reason; /* out: enum dune_exit_reason */
	__u64 hw_reason;   /* out: the CPU's own number of the last exit */
	struct dune_regs regs; /* in and out */
	struct dune_fault fault; /* out, with DUNE_EXIT_FAULT */
	struct dune_event event; /* in, with DUNE_RUN_EVENT */
	struct dune_sregs sregs; /* in, with DUNE_RUN_SREGS; out by DUNE_VCPU_SREGS */
	struct dune_timer timer; /* live */
	/*
	 * Live, too, and looked at where the timer is: until the TSC reaches it, maskable
	 * interrupts of the host wait while the guest runs, with DUNE_FEATURE_SHIELD. They come
	 * at every exit, and by `shielded' there is one: the module's parameter shield_max_us
	 * says after how long at most. Then it goes on. NMIs do not wait.
	 */
	__u64 shield;
	__u64 shielded;          /* out, at each such look: until then, 0: not */
	__u64 reserved[2];       /* 0 */
};

#define DUNE_BACKEND_VMX 1 /* hypercall is VMCALL */
#define DUNE_BACKEND_SVM 2 /* hypercall is VMMCALL */

struct dune_info {
	__u32 size;        /* in: sizeof(struct dune_info) */
	__u32 abi_version; /* out from here on */
	__u32 backend;     /* DUNE_BACKEND_* */
	__u32 gpa_bits;    /* guest-physical address width */
	__u32 slots_max;   /* 1 GiB slots a VM can have */
	__u32 vcpus_max;   /* vCPUs a VM can have */
	__u64 features;    /* DUNE_FEATURE_* */
};

#define DUNE_FEATURE_INTERRUPT (1ull << 0) /* DUNE_VCPU_INTERRUPT */
#define DUNE_FEATURE_TIMER (1ull << 1)     /* dune_run.timer, DUNE_HYPERCALL_TIMER */
/* dune_run.shield: not on SVM, whose guests nothing but those interrupts would end. */
#define DUNE_FEATURE_SHIELD (1ull << 2)

struct dune_vm_create {
	__u32 size;  /* sizeof(struct dune_vm_create) */
	__u32 flags; /* 0 */
};

struct dune_vcpu_create {
	__u32 size;  /* sizeof(struct dune_vcpu_create) */
	__u32 flags; /* 0 */
};

/*
 * Give the 1 GiB of user address space around hva a guest-physical slot. Slots
 * are numbered from 0 in the order in which they are asked for; asking again
 * gives the same one. -ENOSPC when all are taken, -ERANGE for hva >= 2^47.
 */
struct dune_slot {
	__u64 hva; /* in: any address within the GiB */
	__u64 gpa; /* out: guest-physical address of the start of that GiB */
};

/* Counters, of one vCPU or summed over a VM and its past vCPUs. */
#define DUNE_STATS_EXITS_MAX 40
struct dune_stats {
	__u32 size;   /* in: sizeof(struct dune_stats) */
	__u32 nexits; /* out: entries of exits[] in use */
	__u64 entries;
	__u64 tdp_maps_4k;
	__u64 tdp_maps_2m;
	__u64 tdp_retries;
	__u64 invalidations;
	__u64 events_injected;
	__u64 events_reinjected;
	__u64 timer_interrupts; /* that the timer sent */
	__u64 timer_early;      /* times it looked by itself and nothing was due */
	__u64 shields;          /* entries under the shield */
	__u64 reserved[6];
	__u64 exits[DUNE_STATS_EXITS_MAX]; /* by neutral reason, named in debugfs */
};

#define DUNE_IOC 0xDE
#define DUNE_GET_INFO _IOWR(DUNE_IOC, 0x00, struct dune_info)           /* device */
#define DUNE_VM_CREATE _IOW(DUNE_IOC, 0x01, struct dune_vm_create)      /* device */
#define DUNE_VCPU_CREATE _IOW(DUNE_IOC, 0x10, struct dune_vcpu_create)  /* VM */
#define DUNE_VM_SLOT _IOWR(DUNE_IOC, 0x11, struct dune_slot)            /* VM */
/*
 * On return no vCPU of the VM uses a translation made before the call: neither of
 * the guest's own tables, of any root and PCID, nor nested. For whoever changed
 * tables that other vCPUs walk.
 */
#define DUNE_VM_FLUSH _IO(DUNE_IOC, 0x13)                               /* VM */
#define DUNE_VM_STATS _IOWR(DUNE_IOC, 0x12, struct dune_stats)          /* VM */
/*
 * Enter the guest; returns 0 with an exit reason in the run page. -EINTR: as
 * DUNE_EXIT_INTR, call again. -EBUSY: another thread runs this vCPU. -EINVAL:
 * the run page holds state no CPU accepts. -ENODEV: this vCPU is dead
 * (shutdown), or its CPU lost the virtualization extension.
 *
 * lseek(vcpu, 0, SEEK_SET) does the same on a shorter path: lseek calls the
 * file's own operation at once, where ioctl asks every security module first,
 * which costs as much as a system call. Any other offset or whence: -EINVAL.
 */
#define DUNE_VCPU_RUN _IO(DUNE_IOC, 0x20)                               /* vCPU */
/* Write the vCPU's present system state into the run page; -EBUSY while it runs. */
#define DUNE_VCPU_SREGS _IO(DUNE_IOC, 0x22)                             /* vCPU */
#define DUNE_VCPU_STATS _IOWR(DUNE_IOC, 0x21, struct dune_stats)        /* vCPU */
/*
 * Interrupt the guest: the argument is a vector, 32..255 (else -EINVAL). Any thread
 * may, also while another one runs the vCPU, which is not waited for. The guest takes
 * it as soon as no exception or event of the run page goes first, RFLAGS.IF is set and
 * no instruction (STI, MOV SS) holds it back; of several the highest vector first. A
 * vector that waits already is not counted twice. If the vCPU's thread is outside of
 * the guest, in a system call or not running it at all, the vector waits until it next
 * enters: nothing wakes it. -ENODEV: this vCPU is dead.
 */
#define DUNE_VCPU_INTERRUPT _IO(DUNE_IOC, 0x23)                         /* vCPU */

#endif
