// SPDX-License-Identifier: MIT
/* Compiled in a guest: sorting, floating point, variadic functions, setjmp, signals. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t seen;
static jmp_buf back;

static void on_signal(int signal)
{
	seen += signal;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static double sum(int n, ...)
{
	double total = 0;
	va_list list;

	va_start(list, n);
	while (n--)
		total += va_arg(list, double);
	va_end(list);
	return total;
}

int main(int argc, char **argv)
{
	int numbers[1000], i, status = 0;

	for (i = 0; i < 1000; i++)
		numbers[i] = i * 7919 % 1009;
	qsort(numbers, 1000, sizeof(*numbers), compare);
	printf("%d %d %d %s\n", numbers[0], numbers[999], argc, argc > 1 ? argv[1] : "");
	printf("%.6f %.3e\n", sum(4, 1.5, 2.25, -0.125, 1e6), 1.0 / 3);
	signal(SIGUSR1, on_signal);
	raise(SIGUSR1);
	if (!setjmp(back))
		longjmp(back, 1);
	else
		status = system("exit 5");
	printf("%d %d\n", (int)seen, status);
	return 9;
}
