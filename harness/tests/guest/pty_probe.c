// SPDX-License-Identifier: MIT
/*
 * A command on a terminal of its own: pty-probe [WAIT-FOR TYPE]... -- COMMAND...
 * shows what it says; RESIZE instead of what to type makes the window 33 by 101.
 */
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char said[65536];
static size_t n;

/* False: there is no more. */
static int more(int terminal)
{
	ssize_t got = read(terminal, said + n, sizeof(said) - 1 - n);

	if (got <= 0)
		return 0;
	n += (size_t)got;
	said[n] = 0;
	return 1;
}

int main(int argc, char **argv)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	int terminal, status = -1, at, command = 1;

	while (command < argc && strcmp(argv[command], "--"))
		command++;
	if (command + 1 >= argc)
		return 2;
	if (!forkpty(&terminal, NULL, NULL, &size)) {
		execvp(argv[command + 1], argv + command + 1);
		_exit(127);
	}
	for (at = 1; at + 1 < command; at += 2) {
		while (!strstr(said, argv[at]) && more(terminal))
			;
		size.ws_row = 33;
		size.ws_col = 101;
		if (!strcmp(argv[at + 1], "RESIZE"))
			ioctl(terminal, TIOCSWINSZ, &size);
		else if (write(terminal, argv[at + 1], strlen(argv[at + 1])) < 0)
			return 1;
	}
	while (more(terminal))
		;
	fputs(said, stdout);
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
