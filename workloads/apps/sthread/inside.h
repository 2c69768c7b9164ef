/* SPDX-License-Identifier: MIT */
/* What runs in compartments: no library, no data of the program but what it is given. */
#ifndef APPS_STHREAD_INSIDE_H
#define APPS_STHREAD_INSIDE_H

#include <stddef.h>
#include <stdint.h>

#define REQUEST_MAX 4096
#define PAGES_N 16
#define PAGE_BYTES 2048 /* of each page that the server has */

/* One connection's: who serves it sees this and the pages, and nothing of other connections. */
struct connection {
	int fd;
	const char *pages; /* PAGES_N of PAGE_BYTES */
	char request[REQUEST_MAX], reply[REQUEST_MAX];
};

void inside_nothing(void *arg);
void inside_yield(void *arg);
void inside_load(void *arg);  /* reads where arg points */
void inside_store(void *arg); /* writes there */
void inside_call(void *arg);  /* getpid, to *arg: a call that no policy lists */
void inside_fill(void *arg);  /* writes a word into each page at arg, up to REQUEST_MAX */
void inside_peek(void *arg);  /* the byte that *arg points to, to *arg */
void inside_vectors_fill(void *arg); /* all ones into a vector register */
void inside_vectors_show(void *arg); /* a word of that register to *arg */
void inside_serve(void *arg); /* struct connection: read a request, write its reply */

#endif
