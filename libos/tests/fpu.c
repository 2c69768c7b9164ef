// SPDX-License-Identifier: MIT
/* Vector registers belong to the thread: across system calls, preemption, signals and migration. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/dune_mode.h"

#define ROUNDS 60

static volatile unsigned long handled;

static void every(long microseconds)
{
	const struct itimerval t = { { 0, microseconds }, { 0, microseconds } };

	setitimer(ITIMER_REAL, &t, NULL);
}

/* Uses the same registers for something else. */
static void on_signal(int signal)
{
	(void)signal;
	if (++handled == 300)
		every(0); /* a slow kernel may do nothing else */
	asm volatile("pcmpeqb %%xmm0, %%xmm0\n\tpcmpeqb %%xmm5, %%xmm5\n\t"
		     "pcmpeqb %%xmm15, %%xmm15" ::: "xmm0", "xmm5", "xmm15");
}

/*
 * Fill three registers with pattern, do what act says for a while, compare:
 * 'c' system calls by hand (libc might use the registers), 'n' nothing.
 */
static bool pattern_stays(unsigned long pattern, char act)
{
	unsigned long in[2] = { pattern, ~pattern }, out[6];
	long spins = act == 'n' ? 50000 : 200;

	asm volatile("movdqu %[in], %%xmm0\n\tmovdqu %[in], %%xmm5\n\t"
		     "movdqu %[in], %%xmm15\n"
		     "1:\n\tcmpb $'c', %[act]\n\tjne 2f\n\t"
		     "mov %[nr], %%eax\n\tsyscall\n"
		     "2:\tdec %[spins]\n\tjnz 1b\n\t"
		     "movdqu %%xmm0, 0(%[out])\n\tmovdqu %%xmm5, 16(%[out])\n\t"
		     "movdqu %%xmm15, 32(%[out])"
		     : [spins] "+r"(spins)
		     : [in] "m"(in), [out] "r"(out), [act] "r"(act),
		       [nr] "i"(SYS_sched_yield)
		     : "xmm0", "xmm5", "xmm15", "rax", "rcx", "r11", "memory");
	return !memcmp(out, in, 16) && !memcmp(out + 2, in, 16) &&
	       !memcmp(out + 4, in, 16);
}

struct job {
	unsigned long seed;
	char act;
	bool dune, ok;
};

static void *worker(void *arg)
{
	struct job *job = arg;
	int i;

	if (!job->dune && dune_in_guest())
		dune_leave();
	job->ok = dune_in_guest() == job->dune;
	for (i = 0; job->ok && i < ROUNDS; i++)
		job->ok = pattern_stays(job->seed * 0x9e3779b97f4a7c15 + i, job->act);
	return NULL;
}

/* Several threads on one CPU, some in Dune mode, some not. */
static bool mixed(const char *acts, int n)
{
	pthread_t threads[8];
	struct job jobs[8];
	cpu_set_t one;
	bool ok = true;
	int i;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	for (i = 0; i < n; i++) {
		jobs[i] = (struct job){ i + 1, acts[i % strlen(acts)], i % 3 != 2, false };
		pthread_create(&threads[i], NULL, worker, &jobs[i]);
	}
	for (i = 0; i < n; i++) {
		pthread_join(threads[i], NULL);
		ok &= jobs[i].ok;
	}
	CPU_SET(1, &one);
	sched_setaffinity(0, sizeof(one), &one);
	return ok;
}

static bool across_migration(void)
{
	bool ok = true;
	int i;

	for (i = 0; ok && i < 100; i++) {
		cpu_set_t cpu;

		CPU_ZERO(&cpu);
		CPU_SET(i & 1, &cpu);
		sched_setaffinity(0, sizeof(cpu), &cpu);
		ok = pattern_stays((unsigned long)i << 32 | 7, 'n');
	}
	return ok;
}

int main(void)
{
	ktap_plan(5);
	must_init_and_enter();
	ktap_check(pattern_stays(0x0123456789abcdef, 'c'), "across system calls");
	ktap_check(mixed("n", 6), "preempted by each other");
	ktap_check(mixed("cn", 6), "preempted by each other, with system calls");
	signal(SIGALRM, on_signal);
	every(1000);
	ktap_check(mixed("nc", 4) && handled > 0, "across signal handlers that use them");
	every(0);
	ktap_check(across_migration(), "across CPUs");
	return ktap_exit_status();
}
