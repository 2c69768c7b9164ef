// SPDX-License-Identifier: MIT
/* What gdb asks for, packet by packet. */
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gdb.h"

static void ok(bool well)
{
	packet_text(well ? "OK" : "E01");
}

/* The thread that registers are asked of, stopped, or NULL. */
static struct task *subject(void)
{
	struct task *task = session.chosen ? session.chosen : session.current;

	if (!task)
		task = task_next(NULL);
	return task && task->state == TASK_STOPPED ? task : NULL;
}

static void send_regs(void)
{
	unsigned char bytes[REGS_SIZE];
	char text[2 * REGS_SIZE + 1];
	struct task *task = subject();

	if (!task) { /* it could not be stopped: nothing is known */
		__builtin_memset(text, 'x', sizeof(text));
		packet_send(text, 2 * REGS_SIZE);
		return;
	}
	hex_put(text, bytes, regs_get(task, bytes));
	packet_text(text);
}

static void send_reg(const char *at)
{
	unsigned char bytes[16];
	char text[40];
	struct task *task = subject();
	size_t size = task ? reg_get(task, (unsigned int)number_get(&at), bytes) : 0;

	if (!size) {
		ok(false);
		return;
	}
	hex_put(text, bytes, size);
	packet_text(text);
}

static void receive_regs(const char *at)
{
	unsigned char bytes[REGS_SIZE];
	struct task *task = subject();
	size_t size = hex_get(bytes, at, sizeof(bytes));

	if (task)
		regs_set(task, bytes, size);
	ok(task);
}

static void receive_reg(const char *at)
{
	unsigned int nr = (unsigned int)number_get(&at);
	struct task *task = subject();
	unsigned char bytes[16];

	ok(task && *at == '=' && reg_set(task, nr, bytes, hex_get(bytes, at + 1, sizeof(bytes))));
}

/* "address,size" and what follows. */
static void range_get(const char **at, uint64_t *address, uint64_t *size)
{
	*address = number_get(at);
	*at += **at == ',';
	*size = number_get(at);
	*at += **at == ':' || **at == ';';
}

static void send_memory(const char *at)
{
	static unsigned char bytes[PACKET_MAX / 2];
	static char text[PACKET_MAX + 1];
	uint64_t address, size, done;

	range_get(&at, &address, &size);
	if (size > sizeof(bytes))
		size = sizeof(bytes);
	done = memory_read_shown(address, bytes, size);
	if (size && !done) {
		ok(false);
		return;
	}
	hex_put(text, bytes, done);
	packet_text(text);
}

static void receive_memory(const char *at, const char *end, bool binary)
{
	static unsigned char bytes[PACKET_MAX];
	uint64_t address, size;

	range_get(&at, &address, &size);
	if (binary) {
		ok(size == (uint64_t)(end - at) && memory_write_shown(address, at, size));
		return;
	}
	ok(size <= sizeof(bytes) && hex_get(bytes, at, size) == size &&
	   memory_write_shown(address, bytes, size));
}

static void breakpoint(const char *at, bool set)
{
	bool software = *at == '0';
	uint64_t address;

	if (!software) {
		packet_text(""); /* the guest's debug registers are not to be had */
		return;
	}
	at += 2;
	address = number_get(&at);
	ok(set ? breakpoint_set(address) : breakpoint_clear(address));
}

static void choose(const char *at)
{
	bool for_registers = *at++ == 'g';
	pid_t tid = (pid_t)number_get(&at);
	struct task *task = tid > 0 ? task_find(tid) : NULL;

	if (for_registers)
		session.chosen = task;
	ok(tid <= 0 || task);
}

static void detach(void)
{
	session.detached = true;
	ok(true);
}

void command(char *packet, int length)
{
	const char *at = packet + 1;

	switch (packet[0]) {
	case '?':
		stop_reply();
		return;
	case 'g':
		send_regs();
		return;
	case 'G':
		receive_regs(at);
		return;
	case 'p':
		send_reg(at);
		return;
	case 'P':
		receive_reg(at);
		return;
	case 'm':
		send_memory(at);
		return;
	case 'M':
	case 'X':
		receive_memory(at, packet + length, packet[0] == 'X');
		return;
	case 'Z':
	case 'z':
		breakpoint(at, packet[0] == 'Z');
		return;
	case 'H':
		choose(at);
		return;
	case 'T':
		ok(task_find((pid_t)number_get(&at)));
		return;
	case 'D':
		detach();
		return;
	case 'k':
		session.killed = true;
		return;
	case 'q':
	case 'Q':
		if (query(packet))
			return;
		break;
	case 'v':
		if (!__builtin_strncmp(packet, "vKill;", 6)) {
			session.killed = true;
			ok(true);
			return;
		}
		/* fall through */
	case 'c':
	case 'C':
	case 's':
	case 'S':
		if (resume_command(packet))
			return;
	}
	packet_text(""); /* not known */
}
