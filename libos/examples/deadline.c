// SPDX-License-Identifier: MIT
/* A plugin that never ends, and a thread that ends it: an interrupt takes the CPU from ring 3. */
#include <dune.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define VECTOR 0x40

asm(".balign 4096\nplugin: inc %rbx\njmp plugin\n.balign 4096\n");
extern const char plugin[];

static volatile int late;

/* It may also come when the plugin is not running. */
static void on_deadline(struct dune_trap_frame *frame, void *arg)
{
	(void)frame;
	(void)arg;
	late = 1;
}

static void *watch(void *worker)
{
	const struct timespec deadline = { .tv_nsec = 50000000 };

	nanosleep(&deadline, NULL);
	return dune_interrupt_send(*(pid_t *)worker, VECTOR) ? worker : NULL;
}

int main(void)
{
	struct dune_user_state state = { .regs.rip = (uint64_t)plugin };
	int reason, error = dune_init(NULL);
	pid_t worker = gettid();
	pthread_t watcher;

	if (!error)
		error = dune_enter();
	if (!error)
		error = dune_vm_protect((void *)plugin, 4096,
					DUNE_PROT_READ | DUNE_PROT_EXEC | DUNE_PROT_USER);
	if (error) {
		fprintf(stderr, "no Dune mode: %s\n", strerror(-error));
		return 1;
	}
	dune_trap_set(VECTOR, on_deadline, NULL);
	pthread_create(&watcher, NULL, watch, &worker);
	do {
		asm volatile("cli" ::: "memory"); /* what comes from here on ends the run */
		reason = late ? DUNE_USER_TRAP : dune_user_run(&state);
		asm volatile("sti" ::: "memory");
	} while (reason == DUNE_USER_SIGNAL);
	printf("a plugin without an end was stopped by vector %#x\n",
	       late ? VECTOR : (unsigned int)state.regs.vector);
	pthread_join(watcher, NULL);
	return dune_leave();
}
