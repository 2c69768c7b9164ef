// SPDX-License-Identifier: MIT
/* Lines such as "  name-123  [001] d..2.  12.345678: dune_vmexit: vm=1 reason=HYPERCALL ...". */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"

/* The value of " name=". */
static uint64_t field(const char *at, const char *name)
{
	at = strstr(at, name);
	return at ? strtoull(at + strlen(name), NULL, 0) : 0;
}

static void word(const char *at, const char *name, char *to, size_t size)
{
	at = strstr(at, name);
	if (at)
		snprintf(to, size, "%.*s", (int)strcspn(at + strlen(name), " \n"),
			 at + strlen(name));
}

/* What is before the event's name; the thread's own name may hold anything. */
static void head(struct event *event, const char *line, const char *end)
{
	const char *at = end, *cpu;

	while (at > line && at[-1] != ' ')
		at--;
	snprintf(event->time, sizeof(event->time), "%.*s", (int)(end - at), at);
	for (cpu = at; cpu > line && *cpu != '['; cpu--)
		;
	while (cpu > line && !isdigit((unsigned char)cpu[-1]))
		cpu--;
	while (cpu > line && isdigit((unsigned char)cpu[-1]))
		cpu--;
	event->thread = atoi(cpu);
}

struct event event_parse(const char *line)
{
	const char *at = strstr(line, ": dune_"), *lost = strstr(line, "[LOST ");
	struct event event = { 0 };

	if (!at && lost) {
		event.kind = EVENT_LOST;
		event.lost = strtoul(lost + 6, NULL, 10);
	}
	if (!at)
		return event;
	head(&event, line, at);
	at += 7;
	if (!strncmp(at, "vmentry:", 8)) {
		event.kind = EVENT_ENTRY;
		event.rip = field(at, " rip=");
		event.rax = field(at, " rax=");
	} else if (!strncmp(at, "vmexit:", 7)) {
		event.kind = EVENT_EXIT;
		event.rip = field(at, " rip=");
		event.hw = field(at, " hw=");
		word(at, " reason=", event.reason, sizeof(event.reason));
	} else if (!strncmp(at, "syscall:", 8)) {
		event.kind = EVENT_CALL;
		event.nr = field(at, " nr=");
		at = strstr(at, " args=");
		if (at)
			sscanf(at, " args=%li,%li,%li,%li,%li,%li", (long *)&event.args[0],
			       (long *)&event.args[1], (long *)&event.args[2],
			       (long *)&event.args[3], (long *)&event.args[4],
			       (long *)&event.args[5]);
	} else if (!strncmp(at, "tdp_fault:", 10)) {
		event.kind = EVENT_FAULT;
		event.hva = field(at, " hva=");
		event.error = (int)(int64_t)field(at, " error=");
		word(at, " access=", event.access, sizeof(event.access));
	}
	return event;
}
