// SPDX-License-Identifier: MIT
/* Functions for compartments; natively they are functions as others. */
#include "apps/sthread/inside.h"

#include <sys/syscall.h>

#include "apps/sthread/sthread.h"

STHREAD_CONST static const char head[] = "HTTP/1.0 200 OK\r\nContent-Length: 2048\r\n\r\n";
STHREAD_CONST static const char missing[] = "HTTP/1.0 404 Not Found\r\n\r\n";
STHREAD_CONST static const char get[] = "GET /";

STHREAD_CODE void inside_nothing(void *arg)
{
	(void)arg;
}

STHREAD_CODE void inside_yield(void *arg)
{
	(void)arg;
	for (;;)
		sthread_call(SYS_sched_yield, 0, NULL, 0);
}

STHREAD_CODE void inside_load(void *arg)
{
	(void)*(volatile long *)arg;
}

STHREAD_CODE void inside_store(void *arg)
{
	*(volatile long *)arg = 1;
}

STHREAD_CODE void inside_call(void *arg)
{
	*(volatile long *)arg = sthread_call(SYS_getpid, 0, NULL, 0);
}

STHREAD_CODE void inside_fill(void *arg)
{
	*(volatile long *)arg = 0x5ec2e7;
	*(volatile long *)((char *)arg + REQUEST_MAX) = 0x5ec2e7;
}

STHREAD_CODE void inside_peek(void *arg)
{
	*(volatile long *)arg = **(volatile char **)arg;
}

STHREAD_CODE void inside_vectors_fill(void *arg)
{
	(void)arg;
	asm volatile("pcmpeqd %xmm7, %xmm7"); /* the compiler has no use for it */
}

STHREAD_CODE void inside_vectors_show(void *arg)
{
	asm volatile("movq %%xmm7, %0" : "=m"(*(volatile long *)arg));
}

static inline __attribute__((always_inline)) size_t put(char *to, const char *from, size_t n)
{
	size_t left = n;

	asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(left)::"memory");
	return n;
}

/* The number of the page that is asked for, or -1. */
static inline __attribute__((always_inline)) int parse(const char *text, size_t n)
{
	size_t i;
	int page = 0;

	for (i = 0; i < sizeof(get) - 1; i++)
		if (i >= n || text[i] != get[i])
			return -1;
	for (; i < n && text[i] >= '0' && text[i] <= '9' && page < PAGES_N; i++)
		page = page * 10 + text[i] - '0';
	return i < n && text[i] == ' ' && page < PAGES_N ? page : -1;
}

STHREAD_CODE void inside_serve(void *arg)
{
	struct connection *c = arg;
	size_t n = 0;
	long got;
	int page;

	/* Up to the empty line that ends it. */
	do {
		got = sthread_call(SYS_read, c->fd, c->request + n, (long)(REQUEST_MAX - n));
		n += got > 0 ? (size_t)got : 0;
	} while (got > 0 && n < REQUEST_MAX &&
		 !(n >= 4 && c->request[n - 1] == '\n' && c->request[n - 3] == '\n'));
	page = parse(c->request, n);
	if (page < 0) {
		n = put(c->reply, missing, sizeof(missing) - 1);
	} else {
		n = put(c->reply, head, sizeof(head) - 1);
		n += put(c->reply + n, c->pages + page * PAGE_BYTES, PAGE_BYTES);
	}
	sthread_call(SYS_write, c->fd, c->reply, (long)n);
}
