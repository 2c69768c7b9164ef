// SPDX-License-Identifier: MIT
/* Catch a divide error in C, without the kernel: step over the instruction and go on. */
#include <dune.h>
#include <stdio.h>
#include <string.h>

static volatile unsigned int caught;

static void on_divide_error(struct dune_trap_frame *frame, void *arg)
{
	volatile unsigned int *count = arg;

	++*count;
	frame->rip += 2; /* div %ecx is F7 F1 */
	frame->rax = 0;
}

static unsigned int divide(unsigned int dividend, unsigned int divisor)
{
	unsigned int quotient = dividend;

	asm volatile("xor %%edx, %%edx\n\tdiv %%ecx"
		     : "+a"(quotient)
		     : "c"(divisor)
		     : "edx", "cc");
	return quotient;
}

int main(void)
{
	unsigned int quotient;
	int error = dune_init(NULL);

	if (!error)
		error = dune_trap_set(DUNE_TRAP_DE, on_divide_error, (void *)&caught);
	if (!error)
		error = dune_enter();
	if (error) {
		fprintf(stderr, "cannot enter Dune mode: %s\n", strerror(-error));
		return 1;
	}
	quotient = divide(42, 6);
	printf("42 / 6 = %u\n", quotient);
	quotient = divide(42, 0);
	printf("42 / 0 = %u, caught %u divide error\n", quotient, caught);
	return caught == 1 ? 0 : 1;
}
