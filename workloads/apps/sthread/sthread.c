// SPDX-License-Identifier: MIT
/* Compartments on libdune's roots and ring 3. */
#include "apps/sthread/sthread.h"

#include <dune.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096ul
#define STACK_SIZE (4 * PAGE)
#define USER_READ (DUNE_PROT_READ | DUNE_PROT_USER)
#define USER_WRITE (DUNE_PROT_READ | DUNE_PROT_WRITE | DUNE_PROT_USER)
#define USER_EXEC (DUNE_PROT_READ | DUNE_PROT_EXEC | DUNE_PROT_USER)

extern const char __start_sthread_code[], __stop_sthread_code[];
extern const char __start_sthread_const[], __stop_sthread_const[];

struct sthread {
	struct dune_user_state state;
	const struct sthread_policy *policy; /* of its last function, too */
	char *stack;
	void *vectors; /* of its vector registers, which nobody else's function sees */
	int root, fd;
	bool busy, exists;
};

static struct sthread sthreads[STHREADS_MAX];

/* Of a section, what lies on its pages besides is not for compartments: they see copies. */
struct section {
	const char *start, *end;
	char *pages;
};

static struct section code = { __start_sthread_code, __stop_sthread_code, NULL };
static struct section constants = { __start_sthread_const, __stop_sthread_const, NULL };

/*
 * Ends a function that returns: nothing is above it on its stack. The sections fill
 * their pages: ring 0 is in these roots, too, and would miss what else is there.
 */
asm(".pushsection sthread_code, \"ax\"\n"
	"sthread_begin: call *%rbx\n"
	"mov $60, %eax\nsyscall\n" /* exit */
	".balign 4096\n"
	".popsection\n"
	".pushsection sthread_const, \"a\"\n"
	".byte 0\n"
	".balign 4096\n"
	".popsection\n");
extern const char sthread_begin[];

static char *first_page(const struct section *section)
{
	return (char *)((uintptr_t)section->start & ~(PAGE - 1));
}

static size_t pages_size(const struct section *section)
{
	return ((size_t)(section->end - first_page(section)) + PAGE - 1) & ~(PAGE - 1);
}

static int show(int root, char *memory, size_t size, int prot)
{
	return dune_vm_map(root, memory, size, memory, prot);
}

static int show_section(int root, const struct section *section, int prot)
{
	return dune_vm_map(root, first_page(section), pages_size(section), section->pages, prot);
}

static char *memory_new(size_t size)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	/* There from the beginning: a fault of ring 3's is its last. */
	memset(memory, 0, size);
	return memory;
}

static int section_copy(struct section *section, int prot)
{
	section->pages = memory_new(pages_size(section));
	if (!section->pages)
		return -ENOMEM;
	memcpy(section->pages + (section->start - first_page(section)), section->start,
	       (size_t)(section->end - section->start));
	return mprotect(section->pages, pages_size(section), prot) ? -errno : 0;
}

int sthread_init(void)
{
	unsigned int i;

	if (((uintptr_t)code.start | (uintptr_t)code.end | (uintptr_t)constants.start |
	     (uintptr_t)constants.end) & (PAGE - 1))
		return -EINVAL;
	if (section_copy(&code, PROT_READ | PROT_EXEC) || section_copy(&constants, PROT_READ))
		return -ENOMEM;

	for (i = 0; i < STHREADS_MAX; i++) {
		sthreads[i].stack = memory_new(STACK_SIZE);
		sthreads[i].vectors = memory_new(dune_user_vectors_size());
		if (!sthreads[i].stack || !sthreads[i].vectors)
			return -ENOMEM;
	}
	return dune_in_guest() ? 0 : -EPERM;
}

int tag_new(struct tag *tag, size_t size)
{
	*tag = (struct tag){ .memory = memory_new(size), .size = size };
	return tag->memory ? 0 : -ENOMEM;
}

void *smalloc(struct tag *tag, size_t size)
{
	void *at = tag->memory + tag->used;

	size = (size + 15) & ~15ul;
	if (size > tag->size - tag->used)
		return NULL;
	tag->used += size;
	return at;
}

/* Everything in the root is ring 0's alone, but this. */
static int grant(const struct sthread *s, const struct sthread_policy *policy)
{
	unsigned int i;
	int error = show(s->root, s->stack, STACK_SIZE, USER_WRITE);

	if (!error)
		error = show_section(s->root, &code, USER_EXEC);
	if (!error)
		error = show_section(s->root, &constants, USER_READ);
	for (i = 0; i < policy->n_tags && !error; i++) {
		const struct tag *tag = policy->tags[i].tag;

		error = show(s->root, tag->memory, tag->size,
			     policy->tags[i].write ? USER_WRITE : USER_READ);
	}
	return error;
}

static int make(struct sthread *s, const struct sthread_policy *policy)
{
	int error, root = dune_root_create(DUNE_ROOT_DEFAULT);

	if (root < 0)
		return root;
	s->root = root;
	s->policy = policy;
	error = grant(s, policy);
	if (error)
		dune_root_free(root);
	s->exists = !error;
	return error;
}

int sthread_create(struct sthread **sthread, const struct sthread_policy *policy, int fd,
		   void (*function)(void *), void *arg)
{
	struct sthread *s = NULL;
	unsigned int i;
	int error = 0;

	/* What is performed is checked as these two are. */
	for (i = 0; i < policy->n_calls; i++)
		if (policy->calls[i] != SYS_read && policy->calls[i] != SYS_write)
			return -EINVAL;
	for (i = 0; i < STHREADS_MAX; i++) {
		if (sthreads[i].busy)
			continue;
		if (sthreads[i].exists && sthreads[i].policy == policy) {
			s = &sthreads[i];
			break;
		}
		if (!s && !sthreads[i].exists)
			s = &sthreads[i];
	}
	if (!s)
		return -ENFILE;
	if (!s->exists)
		error = make(s, policy);
	if (error)
		return error;
	memset(&s->state, 0, sizeof(s->state));
	memset(s->vectors, 0, dune_user_vectors_size());
	s->state.vectors = s->vectors;
	s->state.regs.rip = (uint64_t)sthread_begin;
	s->state.regs.rsp = (uint64_t)s->stack + STACK_SIZE;
	s->state.regs.rbx = (uint64_t)function;
	s->state.regs.rdi = (uint64_t)arg;
	s->fd = fd;
	s->busy = true;
	*sthread = s;
	return 0;
}

/* Whether it may have [address, address + size) written, or read. */
static bool reaches(const struct sthread *s, uint64_t address, uint64_t size, bool write)
{
	unsigned int i;

	for (i = 0; i < s->policy->n_tags; i++) {
		const struct tag *tag = s->policy->tags[i].tag;
		uint64_t start = (uint64_t)tag->memory;

		if (address >= start && address - start <= tag->size &&
		    size <= tag->size - (address - start))
			return s->policy->tags[i].write || !write;
	}
	return false;
}

/* What Linux writes leaves no marks in the root's tables: make them. */
static void mark(uint64_t address, int64_t size)
{
	uint64_t at = address, end = address + (uint64_t)size;

	for (; size > 0 && at < end; at = (at | (PAGE - 1)) + 1) {
		volatile char *byte = (volatile char *)at;

		*byte = *byte;
	}
}

/* Its registers are copies: nobody changes them between look and use. */
static int64_t perform(const struct sthread *s)
{
	const struct dune_trap_frame *regs = &s->state.regs;
	unsigned int i;
	int64_t result;

	for (i = 0; i < s->policy->n_calls; i++)
		if (s->policy->calls[i] == regs->rax)
			break;
	if (i == s->policy->n_calls)
		return -EPERM;
	if (regs->rdi != (uint64_t)s->fd)
		return -EBADF;
	if (!reaches(s, regs->rsi, regs->rdx, regs->rax == SYS_read))
		return -EFAULT;
	result = dune_syscall_forward(&(struct dune_syscall){
		.nr = regs->rax, .args = { regs->rdi, regs->rsi, regs->rdx } });
	if (regs->rax == SYS_read)
		mark(regs->rsi, result);
	return result;
}

enum sthread_state sthread_run(struct sthread *s)
{
	/* Ring 0 is in every root: it stays in this one until it wants another. */
	if (dune_root_switch(s->root) < 0)
		return STHREAD_FAULTED;
	for (;;) {
		int reason = dune_user_run(&s->state);

		if (reason == DUNE_USER_SIGNAL)
			continue;
		if (reason != DUNE_USER_SYSCALL)
			return STHREAD_FAULTED;
		if (s->state.regs.rax == SYS_exit)
			return STHREAD_ENDED;
		if (s->state.regs.rax == SYS_sched_yield)
			return STHREAD_YIELDED;
		s->state.regs.rax = (uint64_t)perform(s);
	}
}

uint64_t sthread_fault(const struct sthread *s)
{
	return s->state.fault_address;
}

/* The CPU has noted which pages were written. */
static long clean(const struct sthread *s, char *memory, size_t size)
{
	uint64_t dirty[16];
	size_t part, i;
	long n, sum = 0;

	for (; size; memory += part, size -= part) {
		part = size < sizeof(dirty) * 8 * PAGE ? size : sizeof(dirty) * 8 * PAGE;
		n = dune_vm_bits_take(s->root, memory, part, DUNE_PTE_DIRTY, dirty);
		if (n < 0)
			return n;
		for (i = 0; n > 0 && i < part / PAGE; i++)
			if (dirty[i / 64] >> i % 64 & 1)
				memset(memory + i * PAGE, 0, PAGE);
		sum += n;
	}
	return sum;
}

/* Which pages were written is not known: all of them, and no root to be used again. */
static void destroy(struct sthread *s)
{
	unsigned int i;

	memset(s->stack, 0, STACK_SIZE);
	for (i = 0; i < s->policy->n_tags; i++)
		if (s->policy->tags[i].private && s->policy->tags[i].write)
			memset(s->policy->tags[i].tag->memory, 0, s->policy->tags[i].tag->size);
	dune_root_free(s->root);
	s->exists = false;
}

int sthread_free(struct sthread *s, unsigned int *dirty)
{
	long n, sum;
	unsigned int i;
	int error;

	/* Where ring 0's own writes leave no marks in the tables that are looked at. */
	error = dune_root_switch(DUNE_ROOT_DEFAULT);
	if (error < 0) {
		destroy(s);
		s->busy = false;
		return error;
	}
	sum = n = clean(s, s->stack, STACK_SIZE);
	for (i = 0; i < s->policy->n_tags && n >= 0; i++) {
		const struct tag *tag = s->policy->tags[i].tag;

		if (!s->policy->tags[i].private)
			continue;
		n = clean(s, tag->memory, tag->size);
		sum += n;
	}
	if (n < 0)
		destroy(s);
	s->busy = false;
	if (n < 0)
		return (int)n;
	if (dirty)
		*dirty = (unsigned int)sum;
	return 0;
}

int sthread_forget(void)
{
	unsigned int i;
	int error = 0;

	dune_root_switch(DUNE_ROOT_DEFAULT);
	for (i = 0; i < STHREADS_MAX && !error; i++) {
		if (!sthreads[i].exists || sthreads[i].busy)
			continue;
		error = dune_root_free(sthreads[i].root);
		sthreads[i].exists = error;
	}
	return error;
}
