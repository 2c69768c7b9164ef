// SPDX-License-Identifier: MIT
/* What the guest executes: no library, no vector registers, no thread-local data. */
#include "micro/guest.h"

#define EXIT_PORT 0x80

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
	uint64_t n = job->iterations;

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
	case JOB_TOUCH:
		SERIES_RUN(job->ticks, job->batches, n, TOUCH(job->area));
		break;
	}
}

_Noreturn void guest_main(struct job *job, enum job_kind exit)
{
	job_do(job);
	for (;;)
		exit_done(exit);
}
