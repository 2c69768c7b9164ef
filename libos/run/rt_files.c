// SPDX-License-Identifier: MIT
/* Small files of /proc and /sys. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rt_files.h"

int file_read(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error;
	size_t have = 0;
	ssize_t n = 0;

	*to = 0;
	if (fd < 0)
		return -errno;
	while (have < size - 1 && (n = read(fd, to + have, size - 1 - have)) > 0)
		have += (size_t)n;
	error = errno;
	close(fd);
	if (n < 0)
		return -error;
	if (have && to[have - 1] == '\n')
		have--;
	to[have] = 0;
	return (int)have;
}

char *file_whole(const char *path)
{
	size_t size = 64 << 10;
	char *text = NULL, *more;
	int n;

	/* What fills its room may have been cut off. */
	for (;; size *= 2) {
		more = realloc(text, size);
		n = more ? file_read(path, more, size) : -ENOMEM;
		text = more ?: text;
		if (n < 0) {
			free(text);
			errno = -n;
			return NULL;
		}
		if ((size_t)n < size - 2)
			return text;
	}
}

int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		error = -errno;
	close(fd);
	return error;
}

int file_write_number(const char *path, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	return file_write(path, text);
}

uint64_t file_number(const char *path)
{
	char text[64];

	return file_read(path, text, sizeof(text)) > 0 ? strtoull(text, NULL, 10) : 0;
}

struct cores file_list(const char *path)
{
	char text[CORES_TEXT];
	struct cores cores;

	if (file_read(path, text, sizeof(text)) < 0 || cores_parse(&cores, text))
		memset(&cores, 0, sizeof(cores));
	return cores;
}

char *path_print(char *to, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(to, PATH_ROOM, format, args);
	va_end(args);
	return to;
}
