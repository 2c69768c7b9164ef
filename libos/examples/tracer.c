// SPDX-License-Identifier: MIT
/* A system call tracer inside the process: prints its files being opened, counts all its calls. */
#include <dune.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NUMBERS 512

static unsigned int calls[NUMBERS];

/* Printing makes calls itself: by dune_syscall_forward() these are not traced. */
static void say(const char *text)
{
	struct dune_syscall call = {
		.nr = SYS_write, .args = { STDOUT_FILENO, (uintptr_t)text, strlen(text) }
	};

	dune_syscall_forward(&call);
}

static enum dune_syscall_action trace(struct dune_syscall *call, void *arg)
{
	char path[64] = "", line[128];

	(void)arg;
	__atomic_fetch_add(&calls[call->nr % NUMBERS], 1, __ATOMIC_RELAXED);
	if (call->nr != SYS_openat)
		return DUNE_SYSCALL_FORWARD;
	if (dune_syscall_read(path, call->args[1], sizeof(path) - 1))
		strcpy(path, "(no path)");
	call->result = dune_syscall_forward(call);
	snprintf(line, sizeof(line), "openat(\"%s\") = %d\n", path, (int)call->result);
	say(line);
	return DUNE_SYSCALL_ANSWER;
}

int main(void)
{
	int error = dune_init(NULL);
	FILE *file;

	if (!error)
		error = dune_enter();
	if (error) {
		fprintf(stderr, "cannot enter Dune mode: %s\n", strerror(-error));
		return 1;
	}
	dune_syscall_hook_set(DUNE_SYSCALL_DEFAULT, trace, NULL);
	file = fopen("/etc/passwd", "r");
	if (!file || fgetc(file) == EOF || fclose(file) || fopen("/no/such/file", "r"))
		return 1;
	dune_syscall_hook_set(DUNE_SYSCALL_DEFAULT, NULL, NULL);
	printf("openat %u, read %u, close %u\n", calls[SYS_openat], calls[SYS_read],
	       calls[SYS_close]);
	return dune_leave();
}
