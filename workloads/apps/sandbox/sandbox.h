/* SPDX-License-Identifier: MIT */
/* The sandbox application: unmodified programs, as they are and confined by `dune run --policy`. */
#ifndef APPS_SANDBOX_SANDBOX_H
#define APPS_SANDBOX_SANDBOX_H

#include "apps/lib/app.h"

#define SANDBOX_DIR "/tmp/app-sandbox"
#define SANDBOX_IN SANDBOX_DIR "/in"
#define SANDBOX_POLICY SANDBOX_DIR "/policy"
#define ARGS_MAX 12

/* One of the programs that stand in for SPEC CPU2000. */
struct item {
	const char *name;
	const char *argv[ARGS_MAX];
	const char *in;	  /* standard input, below SANDBOX_IN, or NULL */
	const char *made; /* a file that it makes beside its output, or NULL */
	bool small_pages;
};

extern const struct item items[];
extern const unsigned int items_n;

/* Make SANDBOX_IN: the same bytes for the same seed and size. */
void inputs_make(const struct app_options *options);

/* lighttpd under load. */
void sandbox_server(const struct app_options *options);

#endif
