// SPDX-License-Identifier: MIT
/* Starting and stopping the runtime: a thread of Linux's for each core, bound to its CPU. */
#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <dune/interrupt.h>
#include <dune/lifecycle.h>
#include <dune/timer.h>
#include <dune/trap.h>

#include "../../src/guest.h"
#include "../../src/section.h"
#include "../../src/text.h"
#include "choose.h"
#include "timer.h"

struct rt_runtime rt;
struct rt_outer rt_outer;

static pthread_mutex_t control = PTHREAD_MUTEX_INITIALIZER;
static size_t state_size;
static sem_t arrived;

/* In the child of a fork. */
static void no_cores(void)
{
	rt.running = 0;
	rt_outer = (struct rt_outer){ 0 };
	control = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	rt_core_self = NULL;
	thread_fatal_note = NULL;
}

/* For who sleeps beside one that works, and for a policy that has a quantum. */
static int timer_open(struct rt_core *core)
{
	const uint64_t quantum = rt_ticks(rt.params.quantum);
	const int error = dune_timer_open(rt.vector, quantum ? quantum + rt.slack : 0);

	if (!error) {
		core->timer = &thread_here()->run->timer;
		__atomic_store_n(&rt.timed, true, __ATOMIC_RELAXED);
	}
	return error == -ENOTSUP && !rt.params.quantum ? 0 : error;
}

static void *core_main(void *arg)
{
	struct rt_core *core = arg;
	const bool enter = !dune_in_guest();

	core->tid = gettid();
	if (enter)
		core->error = dune_enter();
	if (!core->error && !core->index) {
		rt_memory_touch();
		rt_stacks_touch();
	}
	/* Whether it can be interrupted at all. */
	if (!core->error)
		core->error = dune_interrupt_send(core->tid, rt.vector);
	if (!core->error)
		core->error = timer_open(core);
	rt_core_self = core;
	if (!core->error && rt.counts)
		rt_toll_measure(core);
	sem_post(&arrived);
	if (core->error)
		goto leave;
	rt_core_loop(core);
	dune_timer_close();
	rt_core_self = NULL;
leave:
	if (enter && dune_in_guest())
		dune_leave();
	return NULL;
}

/* All signals but those of faults are for other threads. */
static int core_create(struct rt_core *core)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };
	pthread_attr_t attr;
	sigset_t set, before;
	cpu_set_t cpus;
	unsigned int i;
	int error;

	sigfillset(&set);
	for (i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		sigdelset(&set, faults[i]);
	CPU_ZERO(&cpus);
	CPU_SET(core->cpu, &cpus);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
	pthread_sigmask(SIG_SETMASK, &set, &before);
	error = -pthread_create(&core->pthread, &attr, core_main, core);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return error;
}

static void cores_end(uint32_t n)
{
	uint32_t i;

	__atomic_store_n(&rt.stopping, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < n; i++) {
		pthread_join(rt.core[i].pthread, NULL);
		rt.core[i].counters->running = 0;
	}
	dune_trap_set(rt.vector, NULL, NULL);
}

static void memory_free(void)
{
	rt_threads_free();
	munmap(rt.state, state_size);
	rt_counters_unshare();
}

static int cores_start(const struct choice *choice)
{
	uint32_t i, made;
	int error = 0;

	sem_init(&arrived, 0, 0);
	dune_trap_set(rt.vector, rt_interrupt, NULL);
	for (made = 0; made < rt.cores && !error; made++) {
		struct rt_core *core = &rt.core[made];

		*core = (struct rt_core){
			.index = made,
			.cpu = choice->cpu[made],
			.slice_end = RT_NEVER,
			.alarm_at = RT_NEVER,
			.elaborate = !rt.rotate,
		};
		core->current = &core->idle;
		core->counters = rt_counters_of(core);
		error = core_create(core);
		made -= error != 0;
	}
	for (i = 0; i < made; i++)
		while (sem_wait(&arrived))
			;
	for (i = 0; i < made && !error; i++)
		error = rt.core[i].error;
	sem_destroy(&arrived);
	if (error)
		cores_end(made);
	return error;
}

static int memory_get(const struct choice *choice)
{
	int error;

	state_size = (rt_policy_bytes(choice->policy, choice->cores) + 4095) & ~4095ull;
	rt.state = mmap(NULL, state_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);
	if (rt.state == MAP_FAILED)
		return -ENOMEM;
	error = rt_threads_init(choice->tasks);
	if (error)
		munmap(rt.state, state_size);
	return error;
}

static int start(const struct dune_rt_options *options, const char **why)
{
	static bool forks_known;
	struct choice choice;
	int error = rt_choose(&choice, options, why);

	if (error)
		return error;
	rt = (struct rt_runtime){ 0 }; /* a lock may have been held at a fork */
	error = memory_get(&choice);
	if (error)
		return error;
	*why = rt_policy_start(choice.policy, rt.state, &choice.params);
	rt_clock_init();
	if (!*why && choice.params.quantum && rt_ticks(choice.params.quantum) < RT_QUANTUM_MIN)
		*why = "an interrupt alone takes longer than the quantum: take a longer one";
	if (!*why && choice.config.shared_fd >= 0 && rt_counters_share(choice.config.shared_fd))
		*why = "shared_fd is of no page of a runtime";
	if (*why) {
		memory_free();
		return -EINVAL;
	}
	if (!forks_known)
		pthread_atfork(NULL, NULL, no_cores);
	forks_known = true;
	rt.policy = choice.policy;
	rt.rotate = choice.policy->rotate;
	rt.params = choice.params;
	rt.cores = choice.cores;
	rt.flags = choice.flags;
	rt.vector = choice.vector;
	rt.stack_size = (choice.stack + 4095) & ~4095ull;
	rt_stacks_make(choice.tasks);
	rt.counts = !(choice.policy->flags & RT_TIMELESS);
	rt.ordered = choice.policy->flags & (RT_USES_PRIORITY | RT_USES_DEADLINE);
	rt.slack = rt_timer_slack(rt_ticks(rt.params.quantum));
	thread_fatal_note = rt_fatal_note;
	rt_shared_begin();
	error = cores_start(&choice);
	if (error)
		memory_free();
	else
		__atomic_store_n(&rt.running, 1, __ATOMIC_SEQ_CST);
	return error;
}

/* Who gave the options in the environment is the one to know; the program has not seen them. */
static void tell(const char *why)
{
	char line[256], *end = text_put(line, "dune: ");

	end = text_put(end, why);
	end = text_put(end, "\n");
	guest_syscall3(SYS_write, 2, (long)line, end - line);
}

int dune_rt_start(const struct dune_rt_options *options)
{
	const char *why = NULL;
	int error;

	if (!dune_process.ready || rt_core_here())
		return -EPERM;
	pthread_mutex_lock(&control);
	error = rt_running() ? -EALREADY : start(options, &why);
	pthread_mutex_unlock(&control);
	if (options && options->version == DUNE_RT_VERSION && options->size == sizeof(*options) &&
	    options->why)
		*options->why = why;
	if (!options && error && why)
		tell(why);
	return error;
}

int dune_rt_wait(void)
{
	uint32_t seen;

	if (!rt_running())
		return -ESRCH;
	if (rt_core_here())
		return -EDEADLK;
	for (;;) {
		seen = __atomic_load_n(&rt_outer.ended, __ATOMIC_SEQ_CST);
		if (!__atomic_load_n(&rt.live, __ATOMIC_SEQ_CST))
			return 0;
		rt_outside_wait(seen);
	}
}

/* From here on nobody gets in, and nobody is. */
static int close_doors(void)
{
	struct rt_here here;
	int error = 0;

	rt_enter(&here);
	rt_lock(&rt.wait_lock);
	if (!rt_running())
		error = -ESRCH;
	else if (__atomic_load_n(&rt.live, __ATOMIC_SEQ_CST))
		error = -EBUSY;
	else
		__atomic_store_n(&rt.running, 0, __ATOMIC_SEQ_CST);
	rt_unlock(&rt.wait_lock);
	rt_leave(&here);
	/* Not by yielding: that lets nobody of a lower priority go on and leave. */
	while (!error && __atomic_load_n(&rt_outer.visitors, __ATOMIC_SEQ_CST))
		nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
	return error;
}

int dune_rt_stop(void)
{
	int error;

	if (rt_core_here())
		return rt_running() ? -EDEADLK : -ESRCH;
	pthread_mutex_lock(&control);
	error = close_doors();
	if (!error) {
		cores_end(rt.cores);
		thread_fatal_note = NULL;
		memory_free();
	}
	pthread_mutex_unlock(&control);
	return error;
}
