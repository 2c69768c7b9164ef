// SPDX-License-Identifier: MIT
/*
 * The supervisor of a run. It lives on Linux's cores; all that it does for the
 * program is to move bytes between its terminal and descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rt_child.h"
#include "rt_guard.h"
#include "rt_interrupts.h"
#include "rt_relay.h"
#include "rt_supervise.h"
#include "run.h"

#define TURN_MS 10
#define GRACE_MS 5000 /* between a signal to the program and its end by force */
#define GUARD_MS 500  /* between attempts to make a guardian that could not be made */
#define SLOW_MS 1000  /* after such a signal, for a reader to take something */
#define PIPE_READS 16 /* in a turn: whoever writes all the time is not all there is */

struct supervisor {
	const struct rt_request *request;
	struct run_state run;
	struct rt_shared *shared;
	struct child_files files;
	struct relay relay;
	int pipes[3]; /* our ends */
	int signals;
	sigset_t mask; /* as it was */
	int guard, program;
	int status;    /* of the program, as waitpid() has it */
	bool ended;
	int64_t guard_at; /* in ms: when the next attempt to make one may be */
	int64_t kill_at; /* in ms, 0: not asked to */
	char typed[RT_INPUT_BYTES]; /* that the pipe has no room for yet */
	size_t ntyped;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

static void describe(struct supervisor *s)
{
	const struct rt_request *request = s->request;
	size_t n = 0;
	int i;

	s->run.supervisor = getpid();
	s->run.supervisor_began = process_began(s->run.supervisor);
	s->run.began = (uint64_t)now_ms() / 1000;
	s->run.memory = request->memory;
	s->run.quantum = request->quantum;
	strcpy(s->run.memory_kind, "none");
	snprintf(s->run.policy, sizeof(s->run.policy), "%s", request->policy ?: "");
	for (i = 0; request->argv[i] && n < sizeof(s->run.command); i++)
		n += (size_t)snprintf(s->run.command + n, sizeof(s->run.command) - n, "%s%s",
				      i ? " " : "", request->argv[i]);
	for (n = 0; s->run.command[n]; n++)
		if (s->run.command[n] < ' ')
			s->run.command[n] = '?';
}

/* Pipes that the program's descriptors are underneath. */
static int pipes_make(struct supervisor *s)
{
	int i;

	for (i = 0; i < 3; i++) {
		struct stat status;
		int ends[2], ours = i == 0;

		if (pipe2(ends, O_CLOEXEC))
			return -errno;
		s->pipes[i] = ends[ours];
		s->files.streams[i] = ends[!ours];
		fcntl(s->pipes[i], F_SETFL, O_NONBLOCK);
		fstat(ends[0], &status);
		s->shared->terminal.files[i].device = status.st_dev;
		s->shared->terminal.files[i].inode = status.st_ino;
	}
	s->shared->terminal.on = 1;
	return 0;
}

static int shared_make(struct supervisor *s)
{
	char link[PATH_ROOM], target[64];

	s->files.shared = shared_create(&s->run, &s->shared);
	if (s->files.shared < 0)
		return s->files.shared;
	snprintf(target, sizeof(target), "/proc/%d/fd/%d", s->run.supervisor, s->files.shared);
	if (symlink(target, state_path(link, s->run.supervisor, "shared")))
		return -errno;
	if (!s->request->detached)
		input_claim(&s->run); /* until this process ends */
	return s->request->ring ? pipes_make(s) : 0;
}

/* What the interrupts of each core were, to tell later what has come since. */
static void interrupts_note(const struct run_state *run)
{
	char path[PATH_ROOM], *text = file_whole(INTERRUPTS_NOW);
	int fd;

	if (!text)
		return;
	fd = creat(state_path(path, run->supervisor, "interrupts"), 0644);
	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		unlink(path);
	if (fd >= 0)
		close(fd);
	free(text);
}

static void signals_take(struct supervisor *s)
{
	static const int all[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE,
				   SIGTTIN, SIGTTOU };
	sigset_t set;
	unsigned int i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(all) / sizeof(*all); i++)
		sigaddset(&set, all[i]);
	sigprocmask(SIG_BLOCK, &set, &s->mask);
	sigdelset(&set, SIGPIPE);
	/* From the background it writes all the same, and reads nothing. */
	sigdelset(&set, SIGTTIN);
	sigdelset(&set, SIGTTOU);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void children_look(struct supervisor *s)
{
	int pid, status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->program) {
			s->status = status;
			s->ended = true;
		} else if (pid == s->guard) {
			s->guard = -1;
		}
	}
}

/* There is always one: if none can be made now, later. */
static void guard_keep(struct supervisor *s)
{
	if (s->guard < 0 && now_ms() >= s->guard_at) {
		s->guard = guard_start();
		s->guard_at = now_ms() + GUARD_MS;
	}
}

static void signals_look(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			children_look(s);
			continue;
		}
		/* From the keyboard it came to the program as well. */
		if (info.ssi_code != SI_KERNEL && !s->ended)
			kill(s->program, (int)info.ssi_signo);
		if (!s->kill_at)
			s->kill_at = now_ms() + GRACE_MS;
	}
}

/* What came the long way goes into the ring, too. True: there may be more. */
static bool pipes_read(struct supervisor *s)
{
	bool more = false;
	char text[4096];
	ssize_t n;
	int i, times;

	for (i = 1; i < 3; i++) {
		for (times = 0; times < PIPE_READS; times++) {
			n = read(s->pipes[i], text, sizeof(text));
			if (n <= 0)
				break;
			rt_stream_write(&s->shared->terminal.output[i - 1], text, (size_t)n);
		}
		more |= times == PIPE_READS;
	}
	return more;
}

/* A process in the background that reads from its terminal is stopped. */
static bool may_type(void)
{
	return !isatty(0) || tcgetpgrp(0) == getpgrp();
}

static void keyboard_read(struct supervisor *s)
{
	struct rt_input *input = &s->shared->terminal.input;
	struct pollfd keyboard = { .fd = 0, .events = POLLIN };
	char text[512];
	ssize_t n;

	if (s->request->detached || input->ended || input->head - input->tail > sizeof(text) ||
	    !may_type() || poll(&keyboard, 1, 0) <= 0)
		return;
	n = read(0, text, sizeof(text));
	if (n > 0)
		rt_input_write(input, text, (size_t)n);
	else if (!n || (errno != EINTR && errno != EAGAIN && errno != EIO))
		input->ended = 1;
}

static void input_pass(struct supervisor *s)
{
	struct rt_input *input = &s->shared->terminal.input;
	ssize_t n;

	if (s->pipes[0] < 0)
		return;
	s->ntyped += rt_input_take(input, s->typed + s->ntyped, sizeof(s->typed) - s->ntyped);
	n = s->ntyped ? write(s->pipes[0], s->typed, s->ntyped) : 0;
	if (n > 0) {
		s->ntyped -= (size_t)n;
		memmove(s->typed, s->typed + n, s->ntyped);
	}
	if ((n < 0 && errno != EAGAIN) || (!s->ntyped && input->ended)) {
		close(s->pipes[0]);
		s->pipes[0] = -1;
	}
}

static bool terminal_turn(struct supervisor *s)
{
	bool more = pipes_read(s);

	keyboard_read(s);
	input_pass(s);
	return (!s->request->detached && relay_turn(&s->relay)) || more;
}

/* Until the program ends, or its time to do so by itself is over. */
static void wait_for_end(struct supervisor *s)
{
	struct pollfd watched = { .fd = s->signals, .events = POLLIN };
	bool more = false;

	while (!s->ended && (!s->kill_at || now_ms() < s->kill_at)) {
		int wait = s->request->ring ? (more ? 0 : TURN_MS) :
			   s->kill_at ? 100 : s->guard < 0 ? GUARD_MS : -1;

		poll(&watched, 1, wait);
		signals_look(s);
		guard_keep(s);
		if (s->request->ring)
			more = terminal_turn(s);
	}
}

static int status_of(const struct supervisor *s)
{
	return WIFSIGNALED(s->status) ? 128 + WTERMSIG(s->status) : WEXITSTATUS(s->status);
}

static int fail(struct supervisor *s, const char *what, int error)
{
	fprintf(stderr, "dune: %s: %s\n", what, strerror(-error));
	reserve_give(&s->run);
	return RUN_FAILED;
}

/* With the lock. 0, or a status. */
static int begin(struct supervisor *s)
{
	int status, error, i;

	reserve_sweep();
	status = reserve_choose(&s->run, &s->request->reserve);
	if (status)
		return status;
	s->guard = guard_start();
	if (s->guard < 0)
		return fail(s, "fork", s->guard);
	status = reserve_take(&s->run, &s->request->reserve, &s->files.memory);
	if (status)
		return status;
	error = shared_make(s);
	if (error)
		return fail(s, "shared memory", error);
	interrupts_note(&s->run);
	s->program = child_start(&s->run, s->request, &s->files, &s->mask);
	if (s->program < 0)
		return fail(s, "fork", s->program);
	for (i = 0; s->request->ring && i < 3; i++)
		close(s->files.streams[i]);
	s->run.program = s->program;
	s->run.program_began = process_began(s->program);
	state_save(&s->run);
	return 0;
}

static void finish(struct supervisor *s)
{
	int lock = state_lock(STATE_LOCK_MS);

	if (lock < 0) {
		fprintf(stderr, "dune: " RT_FOLDER "/lock: %s\n", strerror(-lock));
		if (!s->ended)
			kill(s->program, SIGKILL);
		/* The guardian does this once we are dead: it stays, and if there is none, now. */
		children_look(s);
		if (s->guard < 0 && guard_start() < 0)
			fprintf(stderr, "dune: nobody is left to give the cores back: "
				"run dune rt ps, which does\n");
		s->guard = -1;
	} else {
		reserve_give(&s->run);
		state_unlock(lock);
	}
	if (!s->ended && waitpid(s->program, &s->status, 0) == s->program)
		s->ended = true;
	if (!s->request->ring)
		return;
	/* What is left of the program may write for ever; the cores wait for our end. */
	while (pipes_read(s) && lock >= 0)
		;
	if (s->request->detached)
		return;
	/* The cores are Linux's again: whoever reads slowly keeps nothing but this process. */
	for (signals_look(s);
	     relay_drain(&s->relay, s->kill_at || lock < 0 ? SLOW_MS : -1, s->signals) &&
	     !s->kill_at;)
		signals_look(s);
	relay_end(&s->relay);
}

int supervise(const struct rt_request *request)
{
	struct supervisor s = { .request = request, .guard = -1 };
	int lock, status;

	s.files = (struct child_files){ -1, -1, { -1, -1, -1 } };
	describe(&s);
	signals_take(&s);
	lock = state_lock(STATE_LOCK_MS);
	if (lock < 0) {
		fprintf(stderr, "dune: " RT_FOLDER ": %s\n", strerror(-lock));
		return RUN_FAILED;
	}
	status = begin(&s);
	state_unlock(lock);
	if (!status) {
		if (request->ring && !request->detached)
			relay_start(&s.relay, s.shared, 1, 2);
		if (request->started && !request->started(s.run.supervisor)) {
			kill(s.program, SIGTERM);
			s.kill_at = now_ms() + GRACE_MS;
		}
		wait_for_end(&s);
		finish(&s);
		status = status_of(&s);
	}
	if (s.guard > 0)
		guard_stop(s.guard);
	return status;
}
