// SPDX-License-Identifier: MIT
/* A program whose functions execute known numbers of instructions, for the profile to find. */
#include <unistd.h>

/* 1 + 2 * 1000000 + 1 */
__attribute__((naked, noinline, used)) static void counted_loop(void)
{
	__asm__("mov $1000000, %ecx\n1:\tdec %ecx\n\tjnz 1b\n\tret");
}

/* 1 + 1 + 1, and what it calls */
__attribute__((naked, noinline, used)) static void counted_caller(void)
{
	__asm__("nop\n\tcall counted_loop\n\tret");
}

/* 3 + 4096 iterations, each of which is a tick like an instruction, + 1 */
__attribute__((naked, noinline, used)) static void counted_fill(void)
{
	static char buffer[4096];

	__asm__("lea %0, %%rdi\n\tmov $4096, %%ecx\n\txor %%eax, %%eax\n\trep stosb\n\tret"
		: : "m"(buffer));
}

int main(void)
{
	/* Its pages are there from now on: an instruction that faults is executed twice. */
	counted_fill();
	counted_caller();
	counted_loop();
	return getpid() < 0;
}
