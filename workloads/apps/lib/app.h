/* SPDX-License-Identifier: MIT */
/* What the applications share: ending with a reason, running programs, printing figures. */
#ifndef APPS_LIB_APP_H
#define APPS_LIB_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Statuses of all applications: 0 done, 2 bad command line, 3 no measurement. */
#define APP_WRONG 2
#define APP_FAILED 3

struct app_options {
	bool quick;
	unsigned int batches; /* of each figure */
	uint64_t seed;
	const char *only;     /* one figure's name without its system, NULL: all */
};

/*
 * The common options, and dune.ko must be there. `help` is printed for --help, which ends the
 * program; so does a wrong one. batches: if none are asked for.
 */
void app_options(int argc, char **argv, const char *help, unsigned int batches,
		 struct app_options *options);
bool app_wanted(const struct app_options *options, const char *name);

/* "PROGRAM: what: errno's text", status 3. error: an errno, 0 for none. */
_Noreturn void app_fail(const char *what, int error);
/* The same unless it is 0: what libdune's functions return. */
void app_must(int result, const char *what);

/* A file's whole content, with a '\0' behind it; must be freed. */
char *app_read(const char *path, size_t *size);
void app_write(const char *path, const void *data, size_t size);
void app_pin(int cpu);

/* A program to run and what it reads and writes. */
struct app_run {
	char *const *argv;
	const char *dir, *in, *out; /* its directory; standard input and output (and error) */
	bool small_pages;	    /* Linux gives it no large ones */
};

/* Run it: ticks from before its fork to its end; *status as wait() gives it. */
uint64_t app_run(const struct app_run *run, int *status);

#endif
