// SPDX-License-Identifier: MIT
/* The kernel's rules for #! lines: one argument, blanks and all. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"
#include "script.h"

#define LINE_MAX_KERNEL 256
#define DEPTH_MAX 5 /* interpreters that are scripts themselves */

/* The interpreter and its one argument (or NULL) in line, false if it is no script. */
static bool parse(const char *path, char *line, char **interpreter, char **argument)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, line, LINE_MAX_KERNEL - 1);
	char *end;

	if (fd >= 0)
		close(fd);
	if (size < 3 || line[0] != '#' || line[1] != '!')
		return false;
	line[size] = 0;
	line[strcspn(line, "\n")] = 0;
	*interpreter = line + 2 + strspn(line + 2, " \t");
	for (end = *interpreter + strlen(*interpreter); end > *interpreter; end--)
		if (end[-1] != ' ' && end[-1] != '\t')
			break;
	*end = 0;
	end = *interpreter + strcspn(*interpreter, " \t");
	*argument = NULL;
	if (*end) {
		*end++ = 0;
		*argument = end + strspn(end, " \t");
	}
	return **interpreter;
}

int script_resolve(struct start_args *args, const char **path)
{
	int depth;

	for (depth = 0; depth <= DEPTH_MAX; depth++) {
		char *line = malloc(LINE_MAX_KERNEL), *interpreter, *argument;
		char **argv;
		int n = 0;

		if (!line || !parse(*path, line, &interpreter, &argument)) {
			free(line);
			return 0;
		}
		argv = calloc((size_t)args->argc + 4, sizeof(*argv));
		if (!argv)
			break;
		argv[n++] = interpreter;
		if (argument)
			argv[n++] = argument;
		argv[n++] = (char *)*path;
		if (args->argc > 1)
			memcpy(argv + n, args->argv + 1, (size_t)(args->argc - 1) * sizeof(*argv));
		args->argc += n - 1;
		args->argv = argv;
		*path = interpreter;
	}
	fprintf(stderr, "dune: %s: %s\n", args->path, strerror(ELOOP));
	return RUN_NOT_EXECUTABLE;
}
