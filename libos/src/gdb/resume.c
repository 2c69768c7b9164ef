// SPDX-License-Identifier: MIT
/* Going on, and why it ended. */
#include <stdio.h>
#include <sys/wait.h>

#include "../self.h"
#include "gdb.h"

/* Of one thread, as vCont says it. */
struct action {
	bool any, step;
	int signal;
};

/* "c", "s", "C signal" or "S signal". False: none of them. */
static bool action_get(const char **at, struct action *action)
{
	char c = *(*at)++;

	if (c != 'c' && c != 's' && c != 'C' && c != 'S')
		return false;
	action->any = true;
	action->step = c == 's' || c == 'S';
	action->signal = c == 'C' || c == 'S' ? signal_from_gdb((int)number_get(at)) : 0;
	return true;
}

/* The first of "action[:thread];..." that is for tid. */
static bool action_of(const char *at, pid_t tid, struct action *action)
{
	*action = (struct action){ 0 };
	while (*at == ';') {
		struct action found;
		pid_t whom = -1;

		at++;
		if (!action_get(&at, &found))
			return false;
		if (*at == ':') {
			at++;
			whom = (pid_t)number_get(&at);
		}
		if ((whom <= 0 || whom == tid) && !action->any)
			*action = found;
	}
	return !*at;
}

/* What was on its way when it stopped is told now, if it still is. */
static bool has_news(struct task *task)
{
	if (!task->event)
		return false;
	if (task->at_breakpoint && !breakpoint_at(task->view.regs.rip)) {
		task->event = task->at_breakpoint = false;
		task->signal = 0;
	}
	return task->event;
}

static bool resume(const char *actions)
{
	struct task *task = NULL;
	struct action action;
	bool news = false;

	while ((task = task_next(task))) {
		if (!action_of(actions, task->tid, &action))
			return false;
		if (action.any && task->state == TASK_STOPPED && has_news(task) && !news) {
			session.current = task;
			news = true;
		}
	}
	if (news) {
		session.current->event = false;
		stop_reply();
		return true;
	}
	session.running = true;
	session.chosen = NULL;
	while ((task = task_next(task)))
		if (task->state == TASK_STOPPED && action_of(actions, task->tid, &action) &&
		    action.any)
			task_resume(task, action.step, action.signal);
	return true;
}

bool resume_command(const char *packet)
{
	char actions[64];
	pid_t tid = session.current ? session.current->tid : session.pid;

	if (!__builtin_strcmp(packet, "vCont?")) {
		packet_text("vCont;c;C;s;S");
		return true;
	}
	if (!__builtin_strncmp(packet, "vCont;", 6))
		return resume(packet + 5);
	/* One thread's action; the others go on. An address to go on at is nothing of today. */
	if (packet[0] == 'v' || __builtin_strlen(packet) > 3)
		return false;
	snprintf(actions, sizeof(actions), ";%s:%x;c", packet, tid);
	return resume(actions);
}

static void ended_reply(void)
{
	char text[24];

	if (WIFEXITED(session.status))
		snprintf(text, sizeof(text), "W%02x", WEXITSTATUS(session.status));
	else
		snprintf(text, sizeof(text), "X%02x", signal_to_gdb(WTERMSIG(session.status)));
	packet_text(text);
}

void stop_reply(void)
{
	static char text[PACKET_MAX];
	struct task *task = session.current ? session.current : task_next(NULL);
	int n;

	if (session.ended || !task) {
		ended_reply();
		return;
	}
	n = snprintf(text, sizeof(text), "T%02xthread:%x;",
		     signal_to_gdb(task->signal ? task->signal : SIGTRAP), task->tid);
	if (task->at_breakpoint)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "swbreak:;");
	if (session.executed && session.execs_known) {
		char path[4096], *end = text + n;
		uint64_t at = 0;
		size_t length = 0;

		if (session.dune && memory_read(view_here(self_place()), &at, 8) == 8 && at)
			length = memory_string(at, path, sizeof(path));
		__builtin_memcpy(end, "exec:", 5);
		end = hex_put(end + 5, path, length);
		*end++ = ';';
		*end = 0;
	}
	session.executed = false;
	packet_text(text);
}
