// SPDX-License-Identifier: MIT
/*
 * One thread runs a guest while others pull away what it needs: its descriptors,
 * its run page, its memory, the process. The one that runs gets a documented
 * result, and everybody else never notices.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/bare.h"
#include "lib/ktap.h"

#define SPIN "\xeb\xfe" /* jmp . */

struct runner {
	struct bare *bare;
	pthread_t thread;
	int vcpu;
	atomic_int stop, turns, over;
	int result; /* of the first run that was not cut short or refused, or after stop */
};

static void *runner_main(void *arg)
{
	struct runner *r = arg;

	do {
		r->result = raw_request(r->vcpu, DUNE_VCPU_RUN, NULL);
		r->turns++;
	} while ((r->result == -EINTR || r->result == -EBUSY) && !r->stop);
	r->over = 1;
	return NULL;
}

static bool in_guest(const struct bare *bare)
{
	struct dune_stats stats = { .size = sizeof(stats) };

	return !raw_request(bare->vcpu, DUNE_VCPU_STATS, &stats) && stats.entries;
}

/* A guest that spins in a thread of its own; returns when it is inside. */
static void runner_start(struct runner *r, const void *code, size_t size)
{
	*r = (struct runner){ .bare = bare_create() };
	bare_load(r->bare, 0, code, size);
	r->vcpu = r->bare->vcpu;
	pthread_create(&r->thread, NULL, runner_main, r);
	while (!in_guest(r->bare))
		usleep(500);
}

/* A signal makes it look at its descriptors again. */
static int runner_nudge(struct runner *r)
{
	int before = r->turns;

	while (r->turns == before && !r->over) {
		pthread_kill(r->thread, SIGUSR1);
		usleep(500);
	}
	return r->result;
}

static int runner_end(struct runner *r)
{
	r->stop = 1;
	runner_nudge(r);
	pthread_join(r->thread, NULL);
	return r->result;
}

static void busy(void)
{
	struct dune_stats stats = { .size = sizeof(stats) };
	struct runner r;

	runner_start(&r, SPIN, 2);
	ktap_check(bare_until_busy(r.vcpu, bare_ask_run) == -EBUSY,
		   "a second thread cannot run a vCPU");
	ktap_check(bare_until_busy(r.vcpu, bare_ask_seek) == -EBUSY, "nor by a seek");
	ktap_check(bare_until_busy(r.vcpu, bare_ask_sregs) == -EBUSY, "nor read its registers");
	ktap_check(!raw_request(r.vcpu, DUNE_VCPU_STATS, &stats) && stats.entries,
		   "but read its counters");
	ktap_check(runner_end(&r) == -EINTR, "a signal ends the run");
	ktap_check(!raw_request(r.vcpu, DUNE_VCPU_SREGS, NULL), "then its registers are there");
	bare_destroy(r.bare);
}

static void closed(void)
{
	struct runner r;
	int null = open("/dev/null", O_RDWR), vcpu;

	runner_start(&r, SPIN, 2);
	close(r.bare->vm);
	r.bare->vm = -1;
	ktap_check(runner_nudge(&r) == -EINTR, "a VM closed while it runs runs on");
	close(r.vcpu);
	pthread_kill(r.thread, SIGUSR1);
	pthread_join(r.thread, NULL);
	ktap_check(r.result == -EBADF, "a vCPU closed while it runs ends at the next signal");
	r.bare->vcpu = -1;
	bare_destroy(r.bare);

	runner_start(&r, SPIN, 2);
	dup2(null, r.vcpu);
	pthread_kill(r.thread, SIGUSR1);
	pthread_join(r.thread, NULL);
	ktap_check(r.result == -ENOTTY, "a descriptor replaced while it runs is the new one's");
	bare_destroy(r.bare);

	runner_start(&r, SPIN, 2);
	/* Told first: a thread that is preempted asks again. */
	vcpu = r.vcpu;
	r.vcpu = r.bare->vcpu = dup(vcpu);
	close(vcpu);
	pthread_kill(r.thread, SIGUSR1);
	usleep(2000);
	ktap_check(runner_end(&r) == -EINTR, "and one that moved runs on");
	bare_destroy(r.bare);
	close(null);
}

static void pulled_away(void)
{
	/* An endless walk through the first of the pages for data: incb (%rsi); jmp */
	static const char walk[] = "\xfe\x06\xeb\xfc";
	struct runner r;
	uint64_t data;

	runner_start(&r, SPIN, 2);
	munmap(r.bare->run, DUNE_RUN_PAGE_SIZE);
	ktap_check(runner_nudge(&r) == -EINTR, "a run page unmapped while it runs is not missed");
	runner_end(&r);
	r.bare->run = raw_run_page(r.vcpu);
	ktap_check(r.bare->run && r.bare->run->exit_reason == DUNE_EXIT_INTR &&
			   r.bare->run->regs.rip == bare_at(r.bare, BARE_CODE),
		   "mapped again, it says how the run ended");
	bare_destroy(r.bare);

	runner_start(&r, walk, 4);
	data = bare_at(r.bare, BARE_DATA);
	mprotect((void *)data, BARE_PAGE, PROT_READ);
	pthread_join(r.thread, NULL);
	ktap_check(r.result == 0 && r.bare->run->exit_reason == DUNE_EXIT_FAULT &&
			   r.bare->run->fault.hva == data,
		   "memory made read-only while it runs is a fault");
	bare_destroy(r.bare);

	runner_start(&r, walk, 4);
	data = bare_at(r.bare, BARE_DATA);
	munmap(r.bare->memory, BARE_BYTES);
	pthread_join(r.thread, NULL);
	ktap_check(r.result == 0 && r.bare->run->exit_reason == DUNE_EXIT_FAULT,
		   "all its memory unmapped while it runs is a fault");
	bare_destroy(r.bare);
}

/* Scribbling */

static atomic_int scribbling;

static void *scribble(void *arg)
{
	struct bare *bare = arg;
	unsigned int seed = 7;

	while (scribbling) {
		uint32_t *words = (uint32_t *)bare->run;
		unsigned int at = rand_r(&seed) % (sizeof(struct dune_run) / 4);
		uint32_t low = rand_r(&seed) << 4 ^ rand_r(&seed);

		if (rand_r(&seed) % 64 == 0) { /* something that runs, for a moment */
			bare->run->regs.rip = bare_at(bare, BARE_CODE);
			bare->run->regs.rflags = 2;
			bare->run->flags = 0;
			memset(bare->run->reserved, 0, sizeof(bare->run->reserved));
			bare->run->timer.vector = low % 300;
			usleep(20);
		}
		if (at == 0)
			words[0] = low & 3;
		else if (at != 1) /* the test reads the exit reason */
			words[at] = rand_r(&seed) & 1 ? low : words[at] ^ 1u << low % 32;
	}
	return NULL;
}

static bool documented(int ret, uint32_t reason)
{
	if (ret)
		return ret == -EINTR || ret == -EINVAL || ret == -EBUSY || ret == -ENODEV;
	return reason >= DUNE_EXIT_SYSCALL && reason <= DUNE_EXIT_SHUTDOWN;
}

static void scribbled(void)
{
	struct itimerval timer = { { 0, 1000 }, { 0, 1000 } };
	struct bare *bare = bare_create();
	struct dune_run *mapped = bare->run;
	unsigned int i, strange = 0, ran = 0, refused = 0;
	pthread_t thread;

	setitimer(ITIMER_REAL, &timer, NULL);
	bare_load(bare, 0, "", 0);
	raw_run(bare->vcpu);
	scribbling = 1;
	pthread_create(&thread, NULL, scribble, bare);
	/* CPUs that take turns may leave the other thread without one for long. */
	for (i = 0; i < 4000 || (i < 400000 && (ran <= 10 || refused <= 10)); i++) {
		int ret = raw_request(bare->vcpu, DUNE_VCPU_RUN, NULL);

		strange += !documented(ret, bare->run->exit_reason);
		ran += ret == 0 || ret == -EINTR;
		refused += ret == -EINVAL;
		if (ret == -ENODEV || i % 256 == 0) {
			/* Another vCPU under the same hands; guest memory as it was. */
			int vcpu = raw_vcpu_create(bare->vm);

			if (vcpu < 0 || mmap(mapped, DUNE_RUN_PAGE_SIZE, PROT_READ | PROT_WRITE,
					     MAP_SHARED | MAP_FIXED, vcpu, 0) != mapped)
				ktap_bail("no vCPU");
			close(bare->vcpu);
			bare->vcpu = vcpu;
			bare_reset(bare);
			bare_load(bare, 0, "", 0);
		}
	}
	scribbling = 0;
	pthread_join(thread, NULL);
	memset(&timer, 0, sizeof(timer));
	setitimer(ITIMER_REAL, &timer, NULL);
	ktap_check(!strange, "a page scribbled on has documented results only");
	ktap_check(ran > 10 && refused > 10, "of both kinds: %u ran, %u refused", ran, refused);
	bare_vcpu_renew(bare);
	bare_reset(bare);
	bare_load(bare, 0, "", 0);
	ktap_check(bare_run(bare).reached_end, "the next vCPU of that VM is as good as new");
	bare_destroy(bare);
}

/* Two threads make and close vCPUs of one VM while a third runs one. */
static void *churn(void *arg)
{
	struct bare *bare = arg;
	struct dune_stats stats = { .size = sizeof(stats) };
	long failed = 0;
	int i;

	for (i = 0; i < 150; i++) {
		struct dune_slot slot = { .hva = (uint64_t)(64 + i % 20) << 30 };
		int vcpu = raw_vcpu_create(bare->vm);

		failed += vcpu < 0 || raw_request(bare->vm, DUNE_VM_SLOT, &slot) ||
			  raw_request(bare->vm, DUNE_VM_STATS, &stats) ||
			  raw_request(vcpu, DUNE_VCPU_RUN, NULL) != -EINVAL;
		close(vcpu);
	}
	return (void *)failed;
}

static void made_and_closed(void)
{
	pthread_t threads[2];
	struct runner r;
	void *failed[2];
	int i;

	runner_start(&r, SPIN, 2);
	for (i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, churn, r.bare);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], &failed[i]);
	ktap_check(!failed[0] && !failed[1], "vCPUs come and go beside one that runs");
	ktap_check(runner_end(&r) == -EINTR, "which runs on");
	bare_destroy(r.bare);
}

/* A child whose guest spins in a thread when the process ends. */
static int child_status(int how)
{
	int pipes[2], status = 0;
	char byte;
	pid_t pid;

	if (pipe(pipes))
		ktap_bail("pipe");
	pid = fork();
	if (pid == 0) {
		struct runner r;

		runner_start(&r, SPIN, 2);
		if (write(pipes[1], "", 1) != 1 || how == 0)
			_exit(7);
		if (how == 1)
			raise(SIGSEGV);
		for (;;)
			pause();
	}
	status = read(pipes[0], &byte, 1) != 1;
	if (how == 2)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(pipes[0]);
	close(pipes[1]);
	return status;
}

static void process_ends(void)
{
	int status = child_status(0);

	ktap_check(WIFEXITED(status) && WEXITSTATUS(status) == 7,
		   "a process exits with a guest that spins");
	status = child_status(1);
	ktap_check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
		   "a process crashes with a guest that spins");
	status = child_status(2);
	ktap_check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
		   "a process is killed with a guest that spins");
}

static void interrupted(int signal)
{
	(void)signal;
}

int main(void)
{
	struct sigaction action = { .sa_handler = interrupted };

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	ktap_plan(22);
	busy();
	closed();
	pulled_away();
	scribbled();
	made_and_closed();
	process_ends();
	return ktap_exit_status();
}
