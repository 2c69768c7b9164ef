// SPDX-License-Identifier: MIT
/* gdb's questions about the stub, the program and its threads. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "../self.h"
#include "gdb.h"

#define OBJECT_MAX 24576

static bool begins(const char **at, const char *with)
{
	size_t n = __builtin_strlen(with);

	if (__builtin_strncmp(*at, with, n))
		return false;
	*at += n;
	return true;
}

static size_t file_read(const char *name, char *to)
{
	char path[48];
	size_t size = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", session.pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, to + size, OBJECT_MAX - size)) > 0)
		size += (size_t)n;
	if (fd >= 0)
		close(fd);
	return size;
}

/* The program's file: of one in the hands of `dune run', what that knows. */
static size_t exec_file(char *to)
{
	uint64_t at = 0;
	char link[48];
	ssize_t n;

	if (session.dune && memory_read(view_here(self_place()), &at, 8) == 8 && at)
		return memory_string(at, to, OBJECT_MAX);
	snprintf(link, sizeof(link), "/proc/%d/exe", session.pid);
	n = readlink(link, to, OBJECT_MAX);
	return n > 0 ? (size_t)n : 0;
}

static size_t siginfo(char *to)
{
	const struct task *task = session.chosen ? session.chosen : session.current;

	if (!task || !task->signal)
		return 0;
	__builtin_memcpy(to, &task->info, sizeof(task->info));
	return sizeof(task->info);
}

/* "object:read:annex:offset,size": the part of it, m if there is more, l if not. */
static void transfer(const char *at)
{
	static char object[OBJECT_MAX], part[PACKET_MAX];
	uint64_t offset, size;
	size_t n;

	if (begins(&at, "features:read:target.xml:"))
		n = regs_describe(task_next(NULL), object, sizeof(object));
	else if (begins(&at, "auxv:read::"))
		n = file_read("auxv", object);
	else if (begins(&at, "exec-file:read:"))
		n = exec_file(object);
	else if (begins(&at, "siginfo:read::"))
		n = siginfo(object);
	else {
		packet_text("");
		return;
	}
	while (*at == ':' || (*at && at[-1] != ':' && *at != ','))
		at++; /* the rest of an annex */
	offset = number_get(&at);
	at += *at == ',';
	size = number_get(&at);
	if (!n) {
		packet_text("E01");
		return;
	}
	if (size > sizeof(part) - 1)
		size = sizeof(part) - 1;
	if (offset > n)
		offset = n;
	if (size > n - offset)
		size = n - offset;
	part[0] = offset + size < n ? 'm' : 'l';
	__builtin_memcpy(part + 1, object + offset, size);
	packet_send(part, size + 1);
}

static void threads(void)
{
	static char text[PACKET_MAX];
	struct task *task = NULL;
	char *end = text;

	while ((task = task_next(task)) && end < text + sizeof(text) - 16) {
		*end = end == text ? 'm' : ',';
		end = number_put(end + 1, (uint64_t)task->tid);
	}
	packet_send(text, (size_t)(end - text));
}

static void thread_info(const char *at)
{
	const struct task *task = task_find((pid_t)number_get(&at));
	char name[OBJECT_MAX], path[32], text[64], hex[160];
	size_t n = 0;

	if (task) {
		snprintf(path, sizeof(path), "task/%d/comm", task->tid);
		n = file_read(path, name);
	}
	snprintf(text, sizeof(text), "%.*s%s", n ? (int)n - 1 : 0, name,
		 !task || task->state != TASK_STOPPED ? ", cannot be stopped" :
		 !task->block	     ? ", out of Dune mode" :
		 task->view.cs & 3	     ? ", in Dune mode, ring 3" :
					       ", in Dune mode");
	hex_put(hex, text, __builtin_strlen(text));
	packet_text(hex);
}

static void supported(const char *at)
{
	char text[200];

	session.execs_known = __builtin_strstr(at, "exec-events+");
	session.reads_xml = __builtin_strstr(at, "xmlRegisters=");
	snprintf(text, sizeof(text),
		 "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;qXfer:auxv:read+;"
		 "qXfer:exec-file:read+;qXfer:siginfo:read+;swbreak+;vContSupported+%s",
		 PACKET_MAX - 1, session.execs_known ? ";exec-events+" : "");
	packet_text(text);
}

bool query(char *packet)
{
	const char *at = packet;

	if (begins(&at, "qSupported")) {
		supported(at);
	} else if (begins(&at, "QStartNoAckMode")) {
		packet_text("OK");
		packet_no_acks();
	} else if (begins(&at, "qXfer:")) {
		transfer(at);
	} else if (begins(&at, "qfThreadInfo")) {
		threads();
	} else if (begins(&at, "qsThreadInfo")) {
		packet_text("l");
	} else if (begins(&at, "qThreadExtraInfo,")) {
		thread_info(at);
	} else if (begins(&at, "qAttached")) {
		packet_text("0"); /* it was made to be debugged: it ends with gdb */
	} else if (begins(&at, "qSymbol")) {
		packet_text("OK");
	} else if (at[0] == 'q' && at[1] == 'C' && !at[2]) {
		char text[24] = "QC";

		number_put(text + 2, session.current ? (uint64_t)session.current->tid :
						       (uint64_t)session.pid);
		packet_text(text);
	} else {
		return false;
	}
	return true;
}
