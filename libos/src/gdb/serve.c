// SPDX-License-Identifier: MIT
/* The stub's life: it waits for gdb, and for the program. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gdb.h"

struct session session;

/* All stand still, and gdb, if it waits, hears why. */
static void stop(bool asked)
{
	struct task *task;

	stop_all();
	if (session.ended) {
		stop_reply();
		return;
	}
	task = stop_waiting();
	if (task) {
		task->event = false;
		session.current = task;
	} else if (!asked) {
		/* It was for nobody. */
		resume_command("vCont;c");
		return;
	} else {
		session.current = session.current ? session.current : task_find(session.pid);
		if (session.current)
			session.current->signal = session.current->at_signal ?
							  session.current->signal : 0;
	}
	session.running = false;
	if (asked && !task && session.client >= 0) {
		char text[32] = "T02thread:"; /* SIGINT */
		char *end = number_put(text + 10, session.current ?
						  (uint64_t)session.current->tid : 0);

		*end++ = ';';
		packet_send(text, (size_t)(end - text));
		return;
	}
	if (session.client >= 0)
		stop_reply();
}

static void let_go(void)
{
	const bool no = false;
	struct task *task = NULL;

	stop_all();
	breakpoints_clear();
	if (session.dune)
		memory_write(view_here(&dune_process.debugged), &no, sizeof(no));
	while ((task = task_next(task))) {
		int signal = task->signal == SIGTRAP && task->info.si_code > 0 ? 0 : task->signal;

		view_store(task, false);
		ptrace(PTRACE_DETACH, task->tid, 0, (long)(task->at_signal ? signal : 0));
	}
}

static void kill_it(void)
{
	int status;

	kill(session.pid, SIGKILL);
	while (waitpid(-1, &status, __WALL) > 0)
		;
}

/* One connection at a time; while nobody is connected the program stays as it is. */
static void client_take(void)
{
	int one = 1;

	session.client = accept4(session.listener, NULL, NULL, SOCK_CLOEXEC);
	if (session.client < 0)
		return;
	setsockopt(session.client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	packet_reset();
	if (session.running) {
		int client = session.client;

		session.client = -1; /* it asks by itself */
		stop(true);
		session.client = client;
	}
}

static void client_hear(void)
{
	static char packet[PACKET_MAX];
	int length;

	while (session.client >= 0 && !session.detached && !session.killed) {
		length = packet_next(packet);
		if (length == PACKET_NONE)
			return;
		if (length == PACKET_CLOSED) {
			close(session.client);
			session.client = -1;
			breakpoints_clear();
		} else if (length == PACKET_INTERRUPT && session.running) {
			stop(true);
		} else if (length > 0 && !session.running) {
			command(packet, length);
		}
	}
}

_Noreturn void gdb_serve(void)
{
	session.client = -1;
	session.running = true;
	while (!session.ended && !session.detached && !session.killed) {
		struct pollfd fds[2] = {
			{ .fd = session.signals, .events = POLLIN },
			{ .fd = session.client >= 0 ? session.client : session.listener,
			  .events = POLLIN },
		};

		/* Nobody is let in before the first instruction. */
		poll(fds, session.client < 0 && session.entering ? 1 : 2, -1);
		if (stop_poll() && (session.running || session.ended))
			stop(false);
		if (fds[1].revents && session.client < 0 && !session.entering)
			client_take();
		else if (fds[1].revents)
			client_hear();
	}
	if (session.killed)
		kill_it();
	else if (session.detached)
		let_go();
	_exit(0);
}
