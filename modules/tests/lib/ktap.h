/* SPDX-License-Identifier: MIT */
/* KTAP output of the guest programs: one line per check, exit status 0 only if all held. */
#ifndef TESTS_KTAP_H
#define TESTS_KTAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int ktap_planned, ktap_done, ktap_failed;

static inline void ktap_plan(int n)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	ktap_planned = n;
	printf("KTAP version 1\n1..%d\n", n);
}

__attribute__((format(printf, 2, 3))) static inline bool
ktap_check(bool ok, const char *name, ...)
{
	va_list args;

	ktap_done++;
	ktap_failed += !ok;
	printf("%sok %d ", ok ? "" : "not ", ktap_done);
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	printf("\n");
	return ok;
}

static inline void ktap_skip(const char *name, const char *why)
{
	ktap_done++;
	printf("ok %d %s # SKIP %s\n", ktap_done, name, why);
}

static inline int ktap_exit_status(void)
{
	return ktap_failed || ktap_done != ktap_planned;
}

/* For steps without which nothing else can be tested. */
__attribute__((format(printf, 1, 2))) static inline _Noreturn void
ktap_bail(const char *format, ...)
{
	va_list args;

	printf("Bail out! ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	exit(1);
}

#endif
