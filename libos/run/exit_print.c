// SPDX-License-Identifier: MIT
/* A line an exit, made of the events that follow each other in its thread. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../src/thread.h"
#include "calls.h"
#include "exit_show.h"
#include "where.h"

#define KNOWN 512

static const struct {
	const char *name, *args;
} calls[KNOWN] = {
#define CALL(name, args) [SYS_##name] = { #name, args },
	CALLS(CALL)
#undef CALL
};

static int unfinished; /* the thread whose line is not at its end, or 0 */

const char *exit_call_name(uint64_t nr, char *buffer, unsigned int size)
{
	if (nr < KNOWN && calls[nr].name)
		return calls[nr].name;
	switch (nr) {
	case HYPERCALL_LEAVE:
		return "libdune:leave";
	case HYPERCALL_TRAP:
		return "libdune:exception";
	case HYPERCALL_IRET:
	case HYPERCALL_SIGNALS:
		return "libdune:signals";
	default:
		snprintf(buffer, size, "syscall_%" PRIu64, nr);
		return buffer;
	}
}

static void print_call(const struct event *event)
{
	const char *kinds = event->nr < KNOWN && calls[event->nr].name ? calls[event->nr].args :
							event->nr < KNOWN ? "xxxxxx" : "";
	char name[32];
	int i;

	kinds += *kinds == '-';
	printf(" %s(", exit_call_name(event->nr, name, sizeof(name)));
	for (i = 0; kinds[i]; i++) {
		printf(i ? ", " : "");
		if (kinds[i] == 'd')
			printf("%d", (int)event->args[i]);
		else
			printf("%#" PRIx64, event->args[i]);
	}
	printf(")");
}

static void print_result(uint64_t rax)
{
	int64_t result = (int64_t)rax;
	const char *name = result < 0 && result > -4096 ? strerrorname_np((int)-result) : NULL;

	if (name)
		printf(" = -1 %s\n", name);
	else if (result > 1 << 20 || result < 0)
		printf(" = %#" PRIx64 "\n", rax);
	else
		printf(" = %" PRId64 "\n", result);
}

/* Calls that have not come back, by thread. */
static struct {
	int thread;
	uint64_t nr;
} waiting[1024];

static void line_begin(const struct event *event)
{
	if (unfinished)
		printf(" ...\n");
	unfinished = event->thread;
	printf("%s [%d] ", event->time, event->thread);
}

/* The rest of what the thread's last exit was. */
static void line_go_on(const struct event *event)
{
	if (unfinished == event->thread)
		return;
	line_begin(event);
	printf("%-10s", "");
}

static void print_entry(const struct event *event)
{
	unsigned int slot = (unsigned int)event->thread % 1024;
	char name[32];

	if (waiting[slot].thread == event->thread) {
		waiting[slot].thread = 0;
		if (unfinished != event->thread) {
			line_go_on(event);
			printf(" ... %s", exit_call_name(waiting[slot].nr, name, sizeof(name)));
		}
		print_result(event->rax);
	} else if (unfinished == event->thread) {
		printf("\n");
	} else {
		return;
	}
	unfinished = 0;
}

void exit_print(const struct event *event)
{
	unsigned int slot = (unsigned int)event->thread % 1024;
	char place[96];

	switch (event->kind) {
	case EVENT_EXIT:
		line_begin(event);
		printf("%-10s", event->reason);
		if (strcmp(event->reason, "HYPERCALL"))
			printf(" hw=%#" PRIx64 " rip=%#" PRIx64 "%s", event->hw, event->rip,
			       where(event->thread, event->rip, place, sizeof(place)));
		break;
	case EVENT_CALL:
		line_go_on(event);
		print_call(event);
		waiting[slot].thread = event->nr < HYPERCALL_LEAVE ? event->thread : 0;
		waiting[slot].nr = event->nr;
		if (event->nr == SYS_execve || event->nr == SYS_execveat)
			where_forget(event->thread);
		break;
	case EVENT_FAULT:
		line_go_on(event);
		printf(" %s %#" PRIx64, event->access, event->hva);
		if (event->error)
			printf(" (%s)", strerrorname_np(abs(event->error)) ?: "?");
		break;
	case EVENT_ENTRY:
		print_entry(event);
		break;
	case EVENT_LOST:
		printf("%s%lu events are lost\n", unfinished ? " ...\n" : "", event->lost);
		unfinished = 0;
		break;
	default:
		break;
	}
}

void exit_print_end(void)
{
	if (unfinished)
		printf(" ...\n");
	unfinished = 0;
}
