/* SPDX-License-Identifier: MIT */
/*
 * One thread's block: its vCPU, the tables the CPU reads (GDT, TSS), trap stacks
 * and the stack of its host side. Shared with assembly, which finds the block
 * of a trap stack by masking the stack pointer.
 */
#ifndef DUNE_SRC_THREAD_H
#define DUNE_SRC_THREAD_H

/* A block is aligned to BLOCK_STRIDE; a guard page, the host stack and others follow it. */
#define BLOCK_STRIDE 0x20000
#define BLOCK_SIZE 0x8000
#define TRAP_STACK_TOP 0x8000   /* all vectors but the next */
#define FATAL_STACK_TOP 0x4000  /* NMI, double fault, machine check */
#define HOST_STACK_OFFSET 0x9000 /* after a guard page */
#define HOST_STACK_SIZE 0x10000
#define HOST_STACK_TOP (HOST_STACK_OFFSET + HOST_STACK_SIZE)
#define RUN_PAGE_OFFSET HOST_STACK_TOP
#define HOOK_STACK_TOP 0x20000 /* of hooks of a program in ring 3; after the run page */

#define RFLAGS_ALWAYS 0x2 /* no flags but the one that is none */
#define RFLAGS_IF 0x200

/* Descriptors whose limits hold the process's number: no other place is a thread's own at once. */
#define SELECTOR_PID_HIGH 0x48
#define SELECTOR_PID_LOW 0x50
#define PID_LOW_BITS 16
/* Present while ring 3 runs: see user.h. */
#define SELECTOR_IN_USER 0x58

/* Offsets assembly needs; checked against the struct in thread.c. */
#define THREAD_RUN 0
#define THREAD_VCPU_FD 8
#define THREAD_HOST_SP 16
#define THREAD_DEFERRED 24
#define THREAD_DEFERRED_MASK 32
#define THREAD_CALLER_SP 40
#define THREAD_USER_SP 48
#define THREAD_USER_RSP 56
#define THREAD_OWN_BASES 64
#define THREAD_GDT 128
#define THREAD_TRAPPING 80
#define THREAD_HOOK_SP 88
#define THREAD_LAST 96
#define THREAD_SAFE 224

/* Of struct safe_range, and how an address chooses one: by its page, and bits above. */
#define SAFE_LOW 0
#define SAFE_HIGH 8
#define SAFE_REGION 16
#define SAFE_EDITS 24
#define SAFE_SHIFT 5 /* of its size */
#define SAFE_RANGES 16
#define SAFE_PAGE 12
#define SAFE_FOLD 3

/* Of struct dune_run. */
#define RUN_FLAGS 0
#define RUN_EXIT_REASON 4
#define RUN_RAX 16
#define RUN_RCX 24
#define RUN_RDX 32
#define RUN_RSP 48
#define RUN_RSI 64
#define RUN_RDI 72
#define RUN_R8 80
#define RUN_R9 88
#define RUN_R10 96
#define RUN_RIP 144
#define RUN_RFLAGS 152

#define DUNE_EXIT_SYSCALL_NR 1
#define SYSCALLS_KNOWN 512

#define SYSCALL_SIZE 2 /* bytes of the instruction */

/* Why SYSCALL's entry cannot take the short way. */
#define SYSCALL_HOOKED 1
#define SYSCALL_RING3 2 /* ring 3 may be where it comes from */

/* Hypercalls that are no system calls: far above any number Linux gives. */
#define HYPERCALL_LEAVE 0x44554e45 /* "DUNE" */
#define HYPERCALL_TRAP 0x44554e46  /* rdi: frame, rsi: CR2; the exception is Linux's */
#define HYPERCALL_IRET 0x44554e47  /* rdi: frame; go on there after signals that wait */
#define HYPERCALL_SIGNALS 0x44554e48 /* deliver signals that wait */

/* Of struct dune_trap_frame, always this far below the top of the trap stack. */
#define TRAP_FRAME_SIZE 176

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stdint.h>

#include <dune/root.h>
#include <dune/trap.h>

#include "raw.h"
#include "signal/state.h"
#include <uapi/dune.h>

#define SELECTOR_CODE 0x10
#define SELECTOR_DATA 0x18
#define SELECTOR_USER 0x20 /* SYSRET: data +8, code +16 */
#define SELECTOR_TSS 0x38

struct tss64 {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map;
} __attribute__((packed));

/* A trap frame in here fits, unless something was taken away there since; high is 0: nowhere. */
struct safe_range {
	uint64_t low, high;
	const uint32_t *region;
	uint32_t edits;
	uint32_t unused;
};

struct dune_thread {
	struct dune_run *run;
	int vcpu_fd;
	int reserved;
	void *host_sp;
	uint64_t deferred; /* signals wait, all blocked, for the guest to be whole */
	uint64_t deferred_mask; /* what was blocked before */
	void *caller_sp; /* of enter_guest(), should the first run fail */
	uint64_t *user_sp; /* of dune_user_run(): thread, state, what it saved */
	uint64_t user_rsp; /* ring 3's, for a few instructions */
	uint64_t own_bases[2]; /* FS and GS of ring 0, while ring 3 has its own */
	bool trapping; /* an exception is on the trap stack */
	void *hook_sp; /* HOOK_STACK_TOP */
	struct safe_range last; /* the one that was found last; this and others: */
	uint64_t gdt[12] __attribute__((aligned(64)));
	struct safe_range safe[SAFE_RANGES]; /* tasks take turns with their stacks */
	uint32_t safe_used; /* a bit for each that may be one */
	struct signal_state *signals;
	struct signal_stack altstack; /* the guest's */
	struct signal_fault signal_fault;
	struct dune_thread *next, *prev; /* in the process's list */
	void *exec_memory; /* a vfork child's, for the parent to unmap */
	size_t exec_memory_size;
	bool parent_frees; /* a vfork child: its memory is the parent's to free */
	/* The host side may be dropped at any instruction: the guest only repeats its access. */
	bool abandonable;
	bool entered; /* between enter and leave: the host side's stack is in use */
	unsigned int repeats; /* of the last host fault */
	uint64_t fault_hva, fault_rip;
	unsigned int busy; /* in a section: signals and interrupts wait */
	long tid; /* Linux's number of it */
	unsigned int senders; /* threads that are about to interrupt it: its vCPU stays */
	unsigned int root; /* that it is in */
	uint32_t seen[DUNE_ROOTS_MAX]; /* generations of roots when it was last in them */
	bool own_tls; /* FS is this thread's alone: thread_self is set in it */
	bool user_ready; /* its SFMASK is set */
	struct tss64 tss __attribute__((aligned(128)));
	struct signal_state own_signals; /* of a vfork child, which has handlers of its own */
};

struct idt_gate {
	uint16_t offset_low;
	uint16_t selector;
	uint8_t ist;
	uint8_t type;
	uint16_t offset_mid;
	uint32_t offset_high;
	uint32_t reserved;
};

/* What all threads of the process share. */
struct dune_process {
	bool ready;
	int device_fd;
	int vm_fd;
	long pid; /* that vm_fd belongs to */
	bool debugged; /* #BP and #DB are the debugger's */
	bool quiet; /* what ends the process ends it as any other: without a word of ours */
	bool whole; /* the program is in Dune mode from its first instruction on */
	bool vmx; /* the hypercall is VMCALL, not VMMCALL */
	uint64_t features; /* the module's: DUNE_FEATURE_* */
	struct raw_lock threads_lock;
	struct dune_thread *threads;
	struct signal_state signals;
	unsigned int nthreads; /* in the list: vCPUs there are */
	struct idt_gate idt[256] __attribute__((aligned(16)));
} __attribute__((aligned(4096))); /* its pages hold nothing of the program's */

extern struct dune_process dune_process;

/* host.c */
int host_vm_create(void);
int host_vcpu_create(struct dune_thread *thread);
void host_vcpu_destroy(struct dune_thread *thread);
/* Plain memory in the run page's place. */
void host_run_page_drop(struct dune_thread *thread);
void host_sregs(struct dune_thread *thread);
long host_slot(uintptr_t hva, uint64_t *gpa);
/* No vCPU uses an older translation any more. */
long host_flush(void);
long host_interrupt(struct dune_thread *thread, unsigned int vector);

/* thread.c */
struct dune_thread *thread_create(int *error);
void thread_destroy(struct dune_thread *thread);
/* By the thread itself, in ring 3 and where its number may be a new one. */
void thread_tid_set(struct dune_thread *thread);
/* No interrupt is sent to it any more, none is on its way. Its number is 0 until it is set. */
void thread_unname(struct dune_thread *thread);
/* Its vCPU is closed and it is in no list; the block stays. */
void thread_end(struct dune_thread *thread);
void thread_sregs(struct dune_thread *thread, uint64_t fs_base, uint64_t gs_base);
extern __thread struct dune_thread *thread_self
	__attribute__((tls_model("initial-exec")));

/* cpu.c */
void cpu_idt_build(void);
void cpu_tables_build(struct dune_thread *thread);
/* What getpid() gives in this thread. */
void cpu_pid_set(struct dune_thread *thread, long pid);

/* host_exit.c: what the host side does with an exit that is not a plain system call */
long host_exit(struct dune_thread *thread, long run_result);
/* clone.c */
void host_thread_begin(struct dune_thread *thread);
long host_clone(struct dune_thread *thread);
/* Returns if a signal must go first: the guest then asks again. */
void host_thread_exit(struct dune_thread *thread);
/* fork.c */
long host_fork(struct dune_thread *thread, uint64_t flags);
/* With signals deferred. Returns -errno, and the guest is as it was. */
long host_execveat(struct dune_thread *thread, int fd, const char *path, const char *const *argv,
		   const char *const *envp, int flags);
_Noreturn void host_exit_group(struct dune_thread *thread, long status);
int fork_watch(void);

/* enter.S */
int enter_guest(struct dune_thread *thread);
int leave_guest(void);
int start_guest(struct dune_thread *thread);
long clone_thread(uint64_t flags, void *stack, uint64_t ptid, uint64_t ctid,
		  uint64_t tls, struct dune_thread *child);
extern bool hypercall_is_vmcall;
extern unsigned char host_syscall_special[];
extern const char guest_entry[], syscall_entry_svm[], syscall_entry_vmx[];
long hypercall_leave(void);
void hypercall_signals(void);
_Noreturn void hypercall_trap(const struct dune_trap_frame *frame, uint64_t cr2);

/* trap.c: held across a fork. */
void trap_handlers_lock(void);
void trap_handlers_unlock(void);

/* syscall.c, syscall.S */
struct dune_syscall;
int syscall_dispatch(struct dune_syscall *call);
/* Held across a fork. */
void syscall_hooks_lock(void);
void syscall_hooks_unlock(void);
long syscall_past_hooks(long nr, const uint64_t *args);
/* From ring 0 past all hooks, from ring 3 plainly. */
long guest_syscall3(long nr, long a, long b, long c);
extern uint8_t syscall_watch; /* SYSCALL_* */

/* trap.c, trap.S */
struct dune_trap_frame *trap_entry(struct dune_trap_frame *frame);
void trap_dispatch(struct dune_trap_frame *frame, uint64_t cr2);
extern char trap_stubs[];
int trap_inject_host_fault(struct dune_thread *thread);
/* A thread is about to be sent this interrupt: -ENOENT if there is no handler for it. */
int trap_expect(unsigned int vector);
/* Its tables change as a whole: no stack is known to have room any more. */
void trap_safe_forget(struct dune_thread *thread);
extern unsigned int trap_xsave_size;
extern const char trap_moving[], trap_moved[];

/* The rest of an exception whose handler goes on with another thread than it began with. */
_Noreturn void trap_resume(struct dune_trap_frame *frame, struct dune_thread *thread);
/* Something ends the process, about this address if not 0: a line about the task, if one runs. */
extern void (*thread_fatal_note)(uint64_t address);

/* Of a thread in ring 0: it is on its trap stack, or still needs what is there. */
static inline bool trap_in_flight(uint64_t block, const struct dune_regs *regs)
{
	return regs->rsp - block < BLOCK_SIZE ||
	       (regs->rip >= (uint64_t)trap_moving && regs->rip < (uint64_t)trap_moved);
}

/*
 * How often something was taken away in a part of the address space: after that, what
 * was known of it is not. Parts are 2 MiB; those that share a counter are rarely near.
 */
#define PAGING_REGIONS 256
#define PAGING_REGION(address) ((address) >> 21 & (PAGING_REGIONS - 1))
extern uint32_t paging_edits[PAGING_REGIONS];
/* paging/paging.c */
int paging_init(bool huge_1g);
/* What its CR3 is in the root it is in. */
uint64_t paging_cr3(const struct dune_thread *thread);
/* It is in this root now, is not in its root any more. Roots with a thread in them stay. */
void paging_thread_comes(struct dune_thread *thread, unsigned int root);
void paging_thread_goes(struct dune_thread *thread);
/* In the child of a fork. */
void paging_only_thread(struct dune_thread *thread);
/* Map in its root what an exception touches before any handler. */
int paging_premap(const struct dune_thread *thread, const void *stack);
/* Something is missing at address: 0 if the access can be repeated, or -errno. */
int paging_fault(const struct dune_thread *thread, uintptr_t address);
/* The child of a fork has a new VM: ask for the same slots in the same order. */
int paging_slots_replay(void);
/* Whether that has tables in it. */
bool paging_overlaps(uint64_t start, uint64_t end);
/* For ring 0 only from now on; what is remembered of it elsewhere, the caller ends. */
int paging_hide(uint64_t start, uint64_t end);
/* Held across a fork, so that the child's tables are whole. */
void paging_lock(void);
void paging_unlock(void);
/* Whether [from, to) can be written by the page tables; GiBs are made usable for it. */
bool paging_writable(const struct dune_thread *thread, uintptr_t from, uintptr_t to);
#endif

#endif
