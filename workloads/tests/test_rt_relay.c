// SPDX-License-Identifier: MIT
/* Output of a run on descriptors: no reader holds it up, and the end of it arrives. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "run/rt_relay.h"
#include "tests/check.h"

#define LINE 64
#define LINES 1360 /* as many as the ring has cells for, and more than a pipe holds */

static struct rt_shared shared;
static struct relay relay;

static void fill(void)
{
	char line[LINE + 1];
	unsigned int i;

	memset(&shared, 0, sizeof(shared));
	for (i = 0; i < LINES; i++) {
		snprintf(line, sizeof(line), "%063u\n", i);
		rt_stream_write(&shared.terminal.output[0], line, i % 2 ? LINE : 40);
	}
}

/* Whether these bytes are what fill() has written, from the first on. */
static bool is_whole(const char *text, size_t n)
{
	char line[LINE + 1];
	unsigned int i;
	size_t at = 0;

	for (i = 0; i < LINES && at < n; i++) {
		size_t part = i % 2 ? LINE : 40;

		snprintf(line, sizeof(line), "%063u\n", i);
		if (n - at < part || memcmp(text + at, line, part))
			return false;
		at += part;
	}
	return i == LINES && at == n;
}

static char text[LINES * LINE];

static void *reads(void *fd)
{
	size_t n = 0;
	ssize_t more;

	while ((more = read(*(int *)fd, text + n, sizeof(text) - n)) > 0) {
		n += (size_t)more;
		usleep(1000);
	}
	return (void *)n;
}

/* One that reads nothing for a while, and then slowly. */
static void slow_reader(int ends[2], const char *what)
{
	pthread_t thread;
	void *n;
	int turns = 0;

	fill();
	alarm(20); /* what blocks, ends here */
	relay_start(&relay, &shared, ends[1], ends[1]);
	while (relay_turn(&relay) && turns < LINES)
		turns++;
	check(turns && turns < LINES, "%s: %d turns", what, turns);
	check(!relay_turn(&relay) && !relay.out[0].broken, "%s: there is no room", what);
	check(!relay_drain(&relay, 20, -1), "%s: nobody reads", what);
	pthread_create(&thread, NULL, reads, &ends[0]);
	check(!relay_drain(&relay, -1, -1), "%s: all is taken", what);
	relay_end(&relay);
	close(ends[1]);
	pthread_join(thread, &n);
	check(is_whole(text, (size_t)n), "%s: %zu bytes", what, (size_t)n);
	close(ends[0]);
	alarm(0);
}

static void test_slow_readers(void)
{
	int ends[2];

	check(!pipe(ends), "pipe");
	slow_reader(ends, "a pipe");
	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
	slow_reader(ends, "a socket");
}

/* The key that stops output on a terminal stops that terminal. */
static void test_stopped_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave, i;
	char back[4096];

	check(master >= 0 && !grantpt(master) && !unlockpt(master), "a terminal");
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	fill();
	alarm(20);
	relay_start(&relay, &shared, slave, slave);
	tcflow(slave, TCOOFF);
	for (i = 0; i < 3; i++)
		relay_turn(&relay);
	check(!relay.out[0].broken, "it is only stopped");
	tcflow(slave, TCOON);
	check(relay_turn(&relay) && read(master, back, sizeof(back)) > 0, "it goes on");
	relay_end(&relay);
	close(slave);
	close(master);
	alarm(0);
}

/* Its writer was killed within a cell: what is behind it arrives, and what signals is heard. */
static void test_end(void)
{
	struct rt_stream *stream = &shared.terminal.output[0];
	int ends[2], also[2];
	char back[64] = "";

	check(!pipe(ends) && !pipe(also), "pipes");
	memset(&shared, 0, sizeof(shared));
	relay_start(&relay, &shared, ends[1], ends[1]);
	rt_stream_write(stream, "before ", 7);
	stream->cells[1].stamp = 2 * 1 + 1;
	stream->head++;
	stream->bytes += 9;
	rt_stream_write(stream, "after", 5);
	check(relay_turn(&relay) && !relay_turn(&relay), "what is whole");
	check(!relay_drain(&relay, 0, also[0]), "nothing keeps it");
	check(read(ends[0], back, sizeof(back)) == 12 && !strcmp(back, "before after"), "%s", back);
	check(relay.out[0].reader.lost == 9, "lost %lu", relay.out[0].reader.lost);
	fill();
	relay_start(&relay, &shared, ends[1], ends[1]);
	check(write(also[1], "", 1) == 1 && relay_drain(&relay, -1, also[0]), "it is told");
	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
	check(!relay_drain(&relay, -1, -1) && relay.out[0].broken == EPIPE, "nobody reads it");
	close(ends[1]);
}

/* Who closes one of the two still gets the other. */
static void test_half(void)
{
	int closed[2], read_on[2];
	char back[64] = "";

	check(!pipe(closed) && !pipe(read_on), "pipes");
	signal(SIGPIPE, SIG_IGN);
	close(closed[0]);
	memset(&shared, 0, sizeof(shared));
	relay_start(&relay, &shared, closed[1], read_on[1]);
	rt_stream_write(&shared.terminal.output[0], "for nobody", 10);
	relay_turn(&relay);
	rt_stream_write(&shared.terminal.output[1], "killed", 6);
	relay_turn(&relay);
	check(!relay_drain(&relay, -1, -1), "all is taken");
	check(read(read_on[0], back, sizeof(back)) == 6 && !strcmp(back, "killed"), "%s", back);
	relay_end(&relay);
	close(closed[1]);
	close(read_on[0]);
	close(read_on[1]);
}

/* A number is of a process only together with its start. */
static void test_numbers(void)
{
	struct run_state run = { .supervisor = 1 };
	uint64_t began = process_began(getpid());
	int process = process_open(getpid(), began);

	check(began && process >= 0 && !process_signal(process, 0), "this one");
	close(process);
	check(process_open(getpid(), began + 1) < 0, "another with its number");
	check(process_open(getpid(), 0) < 0 && process_open(0, 0) < 0, "nobody");
	check(!state_alive(&run), "a start of 0 is none, dead or not");
	run.supervisor = 0x7fffffff;
	check(!state_alive(&run), "nor is that of nobody");
}

static const struct test_case cases[] = {
	{ "a pipe's and a socket's slow reader", test_slow_readers },
	{ "a terminal that is stopped", test_stopped_terminal },
	{ "the end of what was written", test_end },
	{ "one of two readers gone", test_half },
	{ "numbers of processes", test_numbers },
};

TEST_MAIN(cases)
