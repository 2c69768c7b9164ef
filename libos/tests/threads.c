// SPDX-License-Identifier: MIT
/* Threads made in Dune mode are in Dune mode, with vCPUs of their own. */
#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/dune_mode.h"

#define THREADS 8
#define ROUNDS 2000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long shared;
static __thread long mine;

static void *count(void *arg)
{
	long i;

	(void)arg;
	for (i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&lock);
		shared++;
		pthread_mutex_unlock(&lock);
		mine++;
		if (syscall(SYS_getppid) <= 0)
			return NULL;
	}
	return (void *)(dune_in_guest() ? mine : -1);
}

static bool many_threads_work(void)
{
	pthread_t threads[THREADS];
	bool ok = true;
	int i;

	shared = 0;
	for (i = 0; i < THREADS; i++)
		ok &= !pthread_create(&threads[i], NULL, count, NULL);
	for (i = 0; i < THREADS; i++) {
		void *result = NULL;

		ok &= !pthread_join(threads[i], &result) && (long)result == ROUNDS;
	}
	return ok && shared == THREADS * ROUNDS && mine == 0;
}

static void *nothing(void *arg)
{
	return dune_in_guest() ? arg : NULL;
}

static bool one_after_another_works(int n)
{
	bool ok = true;

	while (ok && n--) {
		pthread_t thread;
		void *result = NULL;

		ok = !pthread_create(&thread, NULL, nothing, &lock) &&
		     !pthread_join(thread, &result) && result == &lock;
	}
	return ok;
}

static bool descriptors_leak(void)
{
	int before = dup(0), after;

	close(before);
	one_after_another_works(20);
	after = dup(0);
	close(after);
	return before != after;
}

/* A thread that began in Linux mode enters by itself. */
static void *enter_alone(void *arg)
{
	int error = dune_in_guest() ? -EALREADY : dune_enter();

	if (!error && !dune_in_guest())
		error = -EPROTO;
	if (!error)
		error = dune_leave();
	*(int *)arg = error;
	return NULL;
}

static void *enter_and_leave(void *arg)
{
	return dune_enter() || dune_leave() ? NULL : arg;
}

/* More than there can be descriptors or vCPUs. */
static bool many_leave_and_end(void)
{
	bool ok = true;
	int i;

	for (i = 0; ok && i < 1200; i++) {
		pthread_t thread;
		void *result = NULL;

		ok = !pthread_create(&thread, NULL, enter_and_leave, &lock) &&
		     !pthread_join(thread, &result) && result == &lock;
	}
	return ok;
}

int main(void)
{
	pthread_t thread;
	int error = -1;

	ktap_plan(7);
	if (dune_init(NULL))
		ktap_bail("dune_init");
	pthread_create(&thread, NULL, enter_alone, &error);
	pthread_join(thread, NULL);
	ktap_check(error == 0, "a Linux thread enters by itself");
	ktap_check(many_leave_and_end(), "1200 threads enter, leave and end");
	must_enter();
	ktap_check(many_threads_work(), "%d threads, a mutex, thread-local data", THREADS);
	ktap_check(one_after_another_works(200), "200 threads one after another");
	ktap_check(!descriptors_leak(), "vCPUs of ended threads are closed");
	ktap_check(syscall(SYS_clone3, NULL, 0) == -1 && errno == ENOSYS,
		   "clone3 is not there, so libc falls back");
	dune_leave();
	ktap_check(many_threads_work() == false, "threads made in Linux mode stay there");
	return ktap_exit_status();
}
