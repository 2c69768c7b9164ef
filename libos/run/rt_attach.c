// SPDX-License-Identifier: MIT
/* `dune rt attach': this terminal as that of a run. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "rt.h"
#include "rt_relay.h"
#include "run.h"

#define TURN_MS 10
#define KEYS_AT_ONCE 512
#define KEY_DEFAULT (']' & 0x1f)

static volatile sig_atomic_t interrupted, resized = 1;

struct attached {
	struct run_state run;
	struct rt_shared *shared;
	struct relay relay;
	int program;	/* a pidfd: its number may be another's by then */
	char typed[RT_INPUT_BYTES]; /* that the program has no room for yet */
	size_t ntyped;
	unsigned char key;
	bool types;	/* what is typed here is the program's */
	bool ends;	/* and there will be no more */
	bool terminal;	/* descriptor 0 is one */
	bool saved;	/* it is other than it was */
	struct termios before;
};

static void on_signal(int signal)
{
	if (signal == SIGWINCH)
		resized = 1;
	else
		interrupted = signal;
}

/* Lines are edited here; the key ends one without an end of line. */
static void terminal_set(struct attached *a)
{
	struct termios now;

	if (!a->terminal || !a->types || tcgetattr(0, &a->before))
		return;
	now = a->before;
	now.c_cc[VEOL] = a->key;
	a->saved = !tcsetattr(0, TCSADRAIN, &now);
}

static void terminal_restore(const struct attached *a)
{
	if (a->saved)
		tcsetattr(0, TCSADRAIN, &a->before);
}

static void window_tell(struct attached *a)
{
	struct rt_terminal *terminal = &a->shared->terminal;
	struct winsize size;

	resized = 0;
	if (!a->types || ioctl(0, TIOCGWINSZ, &size) ||
	    (terminal->rows == size.ws_row && terminal->columns == size.ws_col))
		return;
	terminal->rows = size.ws_row;
	terminal->columns = size.ws_col;
	__atomic_fetch_add(&terminal->resizes, 1, __ATOMIC_RELEASE);
	process_signal(a->program, SIGWINCH);
}

/* What was typed goes on, as far as it is taken: nothing here waits for that. */
static void type(struct attached *a)
{
	size_t done = rt_input_write(&a->shared->terminal.input, a->typed, a->ntyped);

	a->ntyped -= done;
	memmove(a->typed, a->typed + done, a->ntyped);
}

/* From a terminal more than fits is dropped, as it would be there; the key is always seen. */
static bool may_read(const struct attached *a)
{
	return a->types && (a->terminal || sizeof(a->typed) - a->ntyped >= KEYS_AT_ONCE);
}

/* False: detach. */
static bool keyboard(struct attached *a)
{
	char text[KEYS_AT_ONCE], *key;
	size_t room = sizeof(a->typed) - a->ntyped, part;
	ssize_t n = read(0, text, sizeof(text));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (!n) {
		a->ends = a->terminal;
		a->types = false;
		return true;
	}
	key = memchr(text, a->key, (size_t)n);
	part = key ? (size_t)(key - text) : (size_t)n;
	part = part < room ? part : room;
	memcpy(a->typed + a->ntyped, text, part);
	a->ntyped += part;
	type(a);
	return !key;
}

static bool turn(struct attached *a, bool more)
{
	struct pollfd keys = { .fd = may_read(a) ? 0 : -1, .events = POLLIN };

	if (resized)
		window_tell(a);
	if (a->ntyped)
		type(a);
	if (a->ends && !a->ntyped)
		a->shared->terminal.input.ended = 1;
	if (poll(&keys, 1, more ? 0 : TURN_MS) > 0 && !keyboard(a)) {
		fprintf(stderr, "dune: detached from %d\n", a->run.supervisor);
		return false;
	}
	/* The key for an interrupt is the program's; whoever does not type, leaves. */
	if (interrupted && (interrupted != SIGINT || !a->types))
		return false;
	if (interrupted)
		process_signal(a->program, SIGINT);
	interrupted = 0;
	return !a->relay.out[0].broken;
}

static int attach(struct attached *a, bool only_new)
{
	const struct sigaction action = { .sa_handler = on_signal };
	bool more = false, alive = true;
	int i;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGWINCH, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	relay_start(&a->relay, a->shared, 1, 2);
	for (i = 0; only_new && i < 2; i++)
		rt_reader_start_new(&a->relay.out[i].reader, &a->shared->terminal.output[i]);
	terminal_set(a);
	while (alive && turn(a, more)) {
		alive = state_alive(&a->run);
		more = relay_turn(&a->relay);
	}
	if (!alive)
		relay_drain(&a->relay, -1, -1);
	terminal_restore(a);
	relay_end(&a->relay);
	return 0;
}

/* ^X, or the character itself; 0: neither. */
static unsigned char key_parse(const char *text)
{
	if (text[0] == '^' && text[1] >= '?' && text[1] <= '_' && !text[2])
		return (unsigned char)(text[1] ^ 0x40);
	return text[0] && !text[1] ? (unsigned char)text[0] : 0;
}

int rt_attach(int argc, char **argv)
{
	static const struct option options[] = {
		{ "read-only", no_argument, NULL, 'r' },
		{ "new", no_argument, NULL, 'n' },
		{ "detach-key", required_argument, NULL, 'k' },
		{ 0 },
	};
	struct attached a = { .key = KEY_DEFAULT, .types = true };
	bool only_new = false;
	int option, status;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "rnk:", options, NULL)) != -1) {
		switch (option) {
		case 'r':
			a.types = false;
			break;
		case 'n':
			only_new = true;
			break;
		case 'k':
			a.key = key_parse(optarg);
			if (!a.key)
				return rt_wrong("--detach-key wants a key, as ^]");
			break;
		default:
			return rt_wrong("unknown option");
		}
	}
	if (optind + 1 != argc)
		return rt_wrong("want the number of one run");
	status = rt_find(argv[optind], &a.run);
	if (status)
		return status;
	a.program = process_open(a.run.program, a.run.program_began);
	a.shared = shared_open(&a.run);
	if (!a.shared || !a.shared->terminal.on) {
		fprintf(stderr, "dune: %s: %s\n", argv[optind], a.shared ?
			"its terminal is not in memory: it was started with --terminal=direct" :
			strerror(errno));
		return 1;
	}
	a.terminal = isatty(0);
	if (a.types && !input_claim(&a.run)) {
		fputs("dune: another terminal types; this one only shows\n", stderr);
		a.types = false;
	}
	return attach(&a, only_new);
}
