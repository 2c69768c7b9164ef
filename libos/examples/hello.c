// SPDX-License-Identifier: MIT
/* Hello from ring 0: an ordinary program, its libc and its system calls, in ring 0 of a VM. */
#include <dune.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static unsigned int ring(void)
{
	unsigned int cs;

	asm volatile("mov %%cs, %0" : "=r"(cs));
	return cs & 3;
}

int main(void)
{
	int error;

	printf("hello from ring %u\n", ring());
	error = dune_init(NULL);
	if (!error)
		error = dune_enter();
	if (error) {
		fprintf(stderr, "cannot enter Dune mode: %s\n", strerror(-error));
		return 1;
	}
	printf("hello from ring %u, process %d\n", ring(), getpid());
	dune_leave();
	printf("hello from ring %u again\n", ring());
	return 0;
}
