// SPDX-License-Identifier: MIT
/* What the guest executes: no library, no vector registers, no thread-local data. */
#include "micro/guest.h"

#define EXIT_PORT 0x80
#define MSR_APIC_BASE 0x1b

/* Allow the write that faulted, by JOB_PTE's table. */
asm(".pushsection .text\n"
	".globl guest_page_fault\n"
	"guest_page_fault:\n\t"
	"push %rax\n\t"
	"push %rcx\n\t"
	"mov %cr2, %rax\n\t"
	"mov %rax, %rcx\n\t"
	"shr $9, %rcx\n\t"
	"and $0xff8, %rcx\n\t"
	"add guest_table(%rip), %rcx\n\t"
	"orq $2, (%rcx)\n\t"
	"pop %rcx\n\t"
	"pop %rax\n\t"
	"add $8, %rsp\n\t"
	"iretq\n"
	".popsection\n");
uint64_t *guest_table;

/* Take the right to write, and write: the handler gives it back. */
static inline void fault_once(char *page)
{
	uint64_t *entry = &guest_table[(uintptr_t)page >> 12 & 511];

	*entry &= ~2ull;
	asm volatile("invlpg (%0)\n\tmovb $1, (%0)" ::"r"(page) : "memory");
}

static inline void cr3_load(uint64_t cr3)
{
	asm volatile("mov %0, %%cr3" ::"r"(cr3) : "memory");
}

static inline uint64_t cr3_read(void)
{
	uint64_t cr3;

	asm volatile("mov %%cr3, %0" : "=r"(cr3));
	return cr3;
}

static void exit_done(enum job_kind exit)
{
	switch (exit) {
	case JOB_VMCALL:
		asm volatile("vmcall" ::"a"(JOB_DONE) : "memory");
		break;
	case JOB_VMMCALL:
		asm volatile("vmmcall" ::"a"(JOB_DONE) : "memory");
		break;
	default:
		asm volatile("out %%eax, %1" ::"a"(JOB_DONE), "N"(EXIT_PORT) : "memory");
	}
}

static void job_do(struct job *job)
{
	uint64_t n = job->iterations, cr3;

	switch (job->kind) {
	case JOB_NOTHING:
		SERIES_RUN(job->ticks, job->batches, n, NOTHING);
		break;
	case JOB_CPUID:
		SERIES_RUN(job->ticks, job->batches, n,
			   asm volatile("xor %%eax, %%eax; cpuid" ::: "rax", "rbx", "rcx", "rdx"));
		break;
	case JOB_VMCALL:
		SERIES_RUN(job->ticks, job->batches, n,
			   asm volatile("vmcall" ::"a"(0) : "memory"));
		break;
	case JOB_VMMCALL:
		SERIES_RUN(job->ticks, job->batches, n,
			   asm volatile("vmmcall" ::"a"(0) : "memory"));
		break;
	case JOB_OUT:
		SERIES_RUN(job->ticks, job->batches, n,
			   asm volatile("out %%eax, %1" ::"a"(0), "N"(EXIT_PORT) : "memory"));
		break;
	case JOB_RDMSR:
		SERIES_RUN(job->ticks, job->batches, n,
			   asm volatile("rdmsr" ::"c"(MSR_APIC_BASE) : "rax", "rdx"));
		break;
	case JOB_TOUCH:
		SERIES_RUN(job->ticks, job->batches, n, TOUCH(job->area));
		break;
	case JOB_TOUCH_LARGE:
		SERIES_RUN(job->ticks, job->batches, n, TOUCH_LARGE(job->area));
		break;
	case JOB_CR3:
		cr3 = cr3_read();
		SERIES_RUN(job->ticks, job->batches, n, cr3_load(cr3));
		break;
	case JOB_PTE:
		guest_table = job->table;
		SERIES_RUN(job->ticks, job->batches, n, fault_once(job->area));
		break;
	}
}

_Noreturn void guest_main(struct job *job, enum job_kind exit)
{
	job_do(job);
	for (;;)
		exit_done(exit);
}
