// SPDX-License-Identifier: MIT
/* Ring 3 under a process in ring 0: registers, system calls, exceptions, signals, threads. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/dune_mode.h"

/* Ring 3's code: the only page of the program that it may execute. */
asm(".pushsection .text\n.balign 4096\nring3_begin:\n"
	"ring3_syscall: mov $77, %eax; syscall; ud2\n"
	/* Each register plus one, then a call. */
	"ring3_next: inc %rbx; inc %rdx; inc %rsi; inc %rdi; inc %rbp; inc %r8; inc %r9; inc %r10\n"
	"inc %r12; inc %r13; inc %r14; inc %r15; syscall; jmp ring3_next\n"
	"ring3_ud: ud2\n"
	"ring3_bp: int3\n"
	"ring3_de: xor %ecx, %ecx; div %ecx\n"
	"ring3_load: mov (%rdi), %rax; syscall\n"
	"ring3_store: mov %rax, (%rdi); syscall\n"
	"ring3_jump: jmp *%rdi\n"
	"ring3_hlt: hlt\n"
	"ring3_cr3: mov %rax, %cr3\n"
	"ring3_msr: wrmsr\n"
	"ring3_hypercall: vmmcall; vmcall\n"
	"ring3_int80: int $0x80\n"
	"ring3_bases: mov %fs:0, %rax; mov %gs:0, %rdx; syscall\n"
	"ring3_vectors: movq %xmm3, %rax; movq %rdi, %xmm3; syscall; movq %xmm3, %rdx; syscall\n"
	"ring3_fpu: fldpi; fldpi; movl $0x1f00, -4(%rsp); ldmxcsr -4(%rsp); syscall\n"
	"ring3_flags: pushf; orq $0x44500, (%rsp); popf; nop; syscall; ud2\n"
	"ring3_df: std; syscall; ud2\n"
	"ring3_nt: pushf; orq $0x4000, (%rsp); popf; ud2\n"
	"ring3_spin: incq %rbx; jmp ring3_spin\n"
	/* Counts down in rbx, with a call now and then, its sum in rax: 1 + ... + n. */
	"ring3_sum: xor %ebp, %ebp\n1: add %rbx, %rbp; test $63, %bl; jnz 2f; syscall\n"
	"2: dec %rbx; jnz 1b; ud2\n"
	".balign 4096\nring3_end:\n.popsection\n");
extern char ring3_begin[], ring3_end[], ring3_syscall[], ring3_next[], ring3_ud[], ring3_bp[],
	ring3_de[], ring3_load[], ring3_store[], ring3_jump[], ring3_hlt[], ring3_cr3[],
	ring3_msr[], ring3_hypercall[], ring3_int80[], ring3_bases[], ring3_vectors[],
	ring3_fpu[], ring3_flags[], ring3_df[], ring3_nt[], ring3_spin[], ring3_sum[];

#define STACK 8192
static char *stack; /* of ring 3, and its data */
static uint64_t secret = 42;

static struct dune_user_state at(const char *code)
{
	return (struct dune_user_state){
		.regs = { .rip = (uint64_t)code, .rsp = (uint64_t)stack + STACK },
	};
}

/* Run code, which is to end in this exception. */
static bool traps_at(const char *code, uint64_t rdi, unsigned int vector, struct dune_user_state *s)
{
	*s = at(code);
	s->regs.rdi = rdi;
	return dune_user_run(s) == DUNE_USER_TRAP && s->regs.vector == vector;
}

static void registers(void)
{
	struct dune_user_state s = at(ring3_syscall), before;
	unsigned int i;
	bool ok;

	ktap_check(dune_user_run(&s) == DUNE_USER_SYSCALL && s.regs.rax == 77 &&
			   s.regs.rip == (uint64_t)ring3_syscall + 7 &&
			   s.regs.rsp == (uint64_t)stack + STACK && s.regs.rcx == s.regs.rip,
		   "a system call comes back, and nobody has done it");
	s = at(ring3_next);
	for (i = 0; i < 15; i++)
		((uint64_t *)&s.regs)[i] = 1000 * i;
	before = s;
	ok = dune_user_run(&s) == DUNE_USER_SYSCALL && dune_user_run(&s) == DUNE_USER_SYSCALL;
	ok = ok && s.regs.rbx == before.regs.rbx + 2 && s.regs.rdx == before.regs.rdx + 2 &&
	     s.regs.rsi == before.regs.rsi + 2 && s.regs.rdi == before.regs.rdi + 2 &&
	     s.regs.rbp == before.regs.rbp + 2 && s.regs.r8 == before.regs.r8 + 2 &&
	     s.regs.r9 == before.regs.r9 + 2 && s.regs.r10 == before.regs.r10 + 2 &&
	     s.regs.r12 == before.regs.r12 + 2 && s.regs.r13 == before.regs.r13 + 2 &&
	     s.regs.r14 == before.regs.r14 + 2 && s.regs.r15 == before.regs.r15 + 2 &&
	     s.regs.rax == before.regs.rax;
	ktap_check(ok, "each register goes in and comes out");
	ktap_check((s.regs.rflags & 0x3202) == 0x202, "ring 3 has no right to ports");
	ktap_check(getppid() > 0 && dune_in_guest(), "ring 0 makes system calls as before");
}

static void exceptions(void)
{
	struct dune_user_state s;

	ktap_check(traps_at(ring3_ud, 0, DUNE_TRAP_UD, &s) && s.regs.rip == (uint64_t)ring3_ud,
		   "an invalid opcode, at its address");
	ktap_check(traps_at(ring3_bp, 0, DUNE_TRAP_BP, &s) && s.regs.rip == (uint64_t)ring3_bp + 1,
		   "a breakpoint");
	ktap_check(traps_at(ring3_de, 0, DUNE_TRAP_DE, &s), "a division by zero");
	ktap_check(traps_at(ring3_hlt, 0, DUNE_TRAP_GP, &s), "HLT");
	ktap_check(traps_at(ring3_cr3, 0, DUNE_TRAP_GP, &s), "a write to CR3");
	ktap_check(traps_at(ring3_msr, 0, DUNE_TRAP_GP, &s), "WRMSR");
	ktap_check(traps_at(ring3_hypercall, 0, DUNE_TRAP_UD, &s), "a hypercall");
	ktap_check(traps_at(ring3_int80, 0, DUNE_TRAP_GP, &s), "INT 80h");
	ktap_check(traps_at(ring3_nt, 0, DUNE_TRAP_UD, &s), "with NT set");
}

static void memory(void)
{
	uint64_t *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			      0);
	struct dune_user_state s;

	ktap_check(traps_at(ring3_load, (uint64_t)&secret, DUNE_TRAP_PF, &s) &&
			   s.fault_address == (uint64_t)&secret &&
			   s.regs.error_code == (DUNE_PF_PRESENT | DUNE_PF_USER),
		   "ring 0's memory cannot be read");
	ktap_check(traps_at(ring3_store, (uint64_t)&secret, DUNE_TRAP_PF, &s) &&
			   s.regs.error_code == (DUNE_PF_PRESENT | DUNE_PF_USER | DUNE_PF_WRITE) &&
			   secret == 42,
		   "nor written");
	ktap_check(traps_at(ring3_jump, (uint64_t)traps_at, DUNE_TRAP_PF, &s) &&
			   s.regs.rip == (uint64_t)traps_at,
		   "nor executed");
	ktap_check(traps_at(ring3_store, (uint64_t)ring3_begin, DUNE_TRAP_PF, &s),
		   "its own code cannot be written");
	ktap_check(traps_at(ring3_load, 0x3fffffff0000, DUNE_TRAP_PF, &s) &&
			   s.regs.error_code == DUNE_PF_USER,
		   "a GiB that nobody uses");
	ktap_check(traps_at(ring3_load, 1ull << 63, DUNE_TRAP_GP, &s), "no address at all");
	*page = 7;
	dune_vm_protect(page, 4096, DUNE_PROT_READ | DUNE_PROT_USER);
	s = at(ring3_load);
	s.regs.rdi = (uint64_t)page;
	ktap_check(dune_user_run(&s) == DUNE_USER_SYSCALL && s.regs.rax == 7, "a page it may read");
	ktap_check(traps_at(ring3_store, (uint64_t)page, DUNE_TRAP_PF, &s) && *page == 7,
		   "and not write");
	mprotect(page, 4096, PROT_NONE);
	ktap_check(traps_at(ring3_load, (uint64_t)page, DUNE_TRAP_PF, &s) &&
			   s.fault_address == (uint64_t)page && s.regs.error_code & DUNE_PF_HOST &&
			   s.regs.error_code & DUNE_PF_USER,
		   "a page that the host took away");
	munmap(page, 8192);
}

static uint64_t thread_word(void)
{
	uint64_t value;

	asm volatile("mov %%fs:0, %0" : "=r"(value));
	return value;
}

static void bases(void)
{
	uint64_t *words = (uint64_t *)stack, own = thread_word();
	struct dune_user_state s = at(ring3_bases);

	words[0] = 111;
	words[1] = 222;
	s.fs_base = (uint64_t)words;
	s.gs_base = (uint64_t)(words + 1);
	ktap_check(dune_user_run(&s) == DUNE_USER_SYSCALL && s.regs.rax == 111 &&
			   s.regs.rdx == 222 && thread_word() == own,
		   "FS and GS are its own, and ours stay");
	ktap_check(s.fs_base == (uint64_t)words && s.gs_base == (uint64_t)(words + 1),
		   "and are told");
}

static void vectors(void)
{
	size_t size = dune_user_vectors_size();
	struct dune_user_state s = at(ring3_vectors), t = at(ring3_fpu);
	uint32_t mxcsr = 0, pi_left = 0;
	uint64_t clobber = 99;
	bool ok;

	s.vectors = aligned_alloc(64, (size + 63) & ~63ul);
	t.vectors = aligned_alloc(64, (size + 63) & ~63ul);
	memset(s.vectors, 0, size);
	memset(t.vectors, 0, size);
	s.regs.rdi = 5;
	asm volatile("movq %0, %%xmm3" ::"r"(clobber) : "xmm3");
	ok = dune_user_run(&s) == DUNE_USER_SYSCALL && s.regs.rax == 0;
	ktap_check(ok, "vector registers kept apart begin as zeroes");
	asm volatile("movq %0, %%xmm3" ::"r"(clobber) : "xmm3");
	ktap_check(dune_user_run(&s) == DUNE_USER_SYSCALL && s.regs.rdx == 5,
		   "and stay as ring 3 left them");
	ok = dune_user_run(&t) == DUNE_USER_SYSCALL;
	asm volatile("stmxcsr %0" : "=m"(mxcsr));
	asm volatile("fnstsw %0" : "=m"(pi_left));
	ktap_check(ok && mxcsr == 0x1f80 && (pi_left & 0x3800) == 0,
		   "ring 0 has its rounding and its empty x87 stack again");
	s = at(ring3_vectors);
	asm volatile("movq %0, %%xmm3" ::"r"(clobber) : "xmm3");
	ktap_check(dune_user_run(&s) == DUNE_USER_SYSCALL && s.regs.rax == 99,
		   "shared ones are the caller's");
	free(t.vectors);
}

static void flags(void)
{
	struct dune_user_state s = at(ring3_flags);
	uint64_t now = 0;
	int first = dune_user_run(&s);

	ktap_check(first == DUNE_USER_TRAP && s.regs.vector == DUNE_TRAP_DB,
		   "a step that ring 3 asks for is its own");
	ktap_check(dune_user_run(&s) == DUNE_USER_SYSCALL && s.regs.rflags & 0x100,
		   "its flags come with a system call");
	s = at(ring3_df);
	first = dune_user_run(&s);
	asm volatile("pushf\n\tpop %0" : "=r"(now));
	ktap_check(first == DUNE_USER_SYSCALL && s.regs.rflags & 0x400 && !(now & 0x44500),
		   "and are not ring 0's");
}

static volatile int alarms, in_guest;
static volatile uint64_t tls_seen;

static void timer(long microseconds, long every)
{
	struct itimerval t = { .it_value.tv_usec = microseconds, .it_interval.tv_usec = every };

	setitimer(ITIMER_REAL, &t, NULL);
}

static void on_alarm(int signal)
{
	(void)signal;
	alarms = alarms + 1;
	if (alarms == 500)
		timer(0, 0); /* a slow kernel may do nothing else */
	in_guest += dune_in_guest();
	tls_seen = thread_word();
}

static bool interrupted(uint64_t rsp)
{
	struct dune_user_state s = at(ring3_spin);
	int reason, before = alarms;
	bool ok;

	s.regs.rsp = rsp;
	timer(20000, 0);
	do
		reason = dune_user_run(&s);
	while (reason == DUNE_USER_SIGNAL && alarms == before);
	ok = reason == DUNE_USER_SIGNAL && s.regs.rsp == rsp && s.regs.rbx > 0 &&
	     s.regs.rip - (uint64_t)ring3_spin < 16;
	return ok && tls_seen == thread_word() && in_guest == alarms;
}

static uint64_t gdt_base(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) gdt;

	asm volatile("sgdt %0" : "=m"(gdt));
	return gdt.base;
}

/* The sum of 1 to n, whatever interrupts ring 3 on the way. */
static bool sums(uint64_t n)
{
	struct dune_user_state s = at(ring3_sum);
	int reason;

	s.regs.rbx = n;
	s.regs.rsp = 0; /* it uses none: nor must anyone else */
	while ((reason = dune_user_run(&s)) != DUNE_USER_TRAP)
		if (reason != DUNE_USER_SYSCALL && reason != DUNE_USER_SIGNAL)
			return false;
	return s.regs.vector == DUNE_TRAP_UD && s.regs.rbp == n * (n + 1) / 2;
}

static void signals(void)
{
	const uint64_t n = 300000;
	int rounds = 0;
	bool right;

	signal(SIGALRM, on_alarm);
	ktap_check(interrupted((uint64_t)stack + STACK),
		   "a signal ends the run, its handler in ring 0");
	ktap_check(interrupted((gdt_base() & ~0x1ffffull) + 0x7000),
		   "wherever ring 3's stack pointer points");
	timer(1, 300);
	do /* on a fast machine one round is over before it rains */
		right = sums(n);
	while (right && alarms <= 3 && ++rounds < 200);
	ktap_check(right, "nothing is lost under a rain of signals");
	timer(0, 0);
	ktap_check(alarms > 3, "which were delivered");
}

static void *summing(void *arg)
{
	return (void *)(uintptr_t)sums((uint64_t)arg);
}

static void threads(void)
{
	struct dune_user_state s = at(ring3_syscall);
	pthread_t others[3];
	void *ok = NULL;
	bool all = true;
	int i, status = -1;
	pid_t child;

	for (i = 0; i < 3; i++)
		pthread_create(&others[i], NULL, summing, (void *)(20000ul + (unsigned long)i));
	for (i = 0; i < 3; i++) {
		pthread_join(others[i], &ok);
		all = all && ok;
	}
	ktap_check(all, "three threads, each its own ring 3");
	child = fork();
	if (!child)
		_exit(dune_user_run(&s) == DUNE_USER_SYSCALL && sums(1000) ? 7 : 8);
	waitpid(child, &status, 0);
	ktap_check(WIFEXITED(status) && WEXITSTATUS(status) == 7, "the child of a fork");
}

/* libdune's own requests are none of ring 3's, and have numbers beyond all calls. */
static void forwarded(void)
{
	const struct dune_syscall leave = { .nr = 0x44554e45 }, iret = {
		.nr = 0x44554e47,
		.args = { (uint64_t)stack },
	};

	ktap_check(dune_syscall_forward(&leave) == -ENOSYS &&
			   dune_syscall_forward(&iret) == -ENOSYS && dune_in_guest(),
		   "libdune's own requests are not forwarded");
	ktap_check(syscall(0x44554e47, stack) == -1 && errno == ENOSYS,
		   "nor do they take frames of the program");
}

/* Its thread is another, and its descriptor tables: which ring calls must be seen there. */
static void vfork_child(void)
{
	struct dune_user_state s = at(ring3_syscall);
	int status = -1;
	pid_t child = vfork();

	if (!child)
		_exit(dune_user_run(&s) == DUNE_USER_SYSCALL && s.regs.rax == 77 &&
			      dune_user_run(&s) == DUNE_USER_TRAP ? 7 : 8);
	waitpid(child, &status, 0);
	ktap_check(WIFEXITED(status) && WEXITSTATUS(status) == 7, "the child of a vfork");
}

static void refused(void)
{
	struct dune_user_state s = at(ring3_syscall);

	ktap_check(dune_user_run(&s) == -EPERM, "not out of Dune mode");
	must_enter();
	ktap_check(dune_user_run(&s) == DUNE_USER_SYSCALL, "again after leaving and entering");
	s = at(NULL);
	s.regs.rip = 1ull << 47;
	ktap_check(dune_user_run(&s) == -EINVAL, "no rip beyond user space");
	s = at(ring3_syscall);
	s.gs_base = 1ull << 63;
	ktap_check(dune_user_run(&s) == -EINVAL, "nor a base");
	s = at(ring3_syscall);
	s.vectors = stack + 8;
	ktap_check(dune_user_run(&s) == -EINVAL, "nor vectors that are not aligned");
}

int main(void)
{
	ktap_plan(45);
	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must_init_and_enter();
	if (dune_vm_protect(ring3_begin, (size_t)(ring3_end - ring3_begin),
			    DUNE_PROT_READ | DUNE_PROT_EXEC | DUNE_PROT_USER) ||
	    dune_vm_protect(stack, STACK, DUNE_PROT_WRITE | DUNE_PROT_USER))
		ktap_bail("no pages for ring 3");
	registers();
	exceptions();
	memory();
	bases();
	vectors();
	flags();
	signals();
	threads();
	forwarded();
	vfork_child();
	dune_leave();
	refused();
	return ktap_exit_status();
}
