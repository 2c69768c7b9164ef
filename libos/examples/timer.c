// SPDX-License-Identifier: MIT
/* A loop that is interrupted a hundred times by a timer, which it sets without the kernel. */
#include <dune.h>
#include <stdio.h>
#include <string.h>

#define VECTOR 0x40
#define QUANTUM 200000 /* ticks of the TSC */
#define SLACK 20000

static volatile unsigned int interrupts;
static uint64_t deadline, early;

static uint64_t ticks(void)
{
	return __builtin_ia32_rdtsc();
}

static void next(void)
{
	deadline = ticks() + QUANTUM;
	dune_timer_set_within(deadline, SLACK);
}

static void on_timer(struct dune_trap_frame *frame, void *arg)
{
	(void)frame; /* a scheduler would go on elsewhere */
	(void)arg;
	early += ticks() < deadline;
	if (++interrupts < 100)
		next();
}

int main(void)
{
	int error = dune_init(NULL);

	if (!error)
		error = dune_enter();
	if (!error)
		error = dune_trap_set(VECTOR, on_timer, NULL);
	if (!error)
		error = dune_timer_open(VECTOR, QUANTUM + SLACK);
	if (error) {
		fprintf(stderr, "no timer: %s\n", strerror(-error));
		return 1;
	}
	next();
	while (interrupts < 100)
		;
	printf("%u interrupts, %lu before their time\n", interrupts, early);
	return dune_leave();
}
