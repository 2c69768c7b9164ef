// SPDX-License-Identifier: MIT
/*
 * Hands files, events and the exit status to the host through port 0xe9.
 *
 * One frame is "\x02DL1 KIND NAME LENGTH CRC32\n" PAYLOAD "\n"; harness/dunelab/frames.py reads it.
 * The port takes megabytes per second where the emulated UART takes 11 KB per virtual second.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/io.h>
#include <unistd.h>

#define PORT 0xe9
#define MARK_PORT 0xe8	/* where the tracing Bochs listens; nothing is there elsewhere */
#define NAME_MAX_LEN 200

struct bytes {
	unsigned char *data;
	size_t len;
};

static void fail(const char *what, const char *arg)
{
	fprintf(stderr, "report: %s %s: %s\n", what, arg, strerror(errno));
	exit(3);
}

static void usage(void)
{
	fputs("usage: report file PATH [NAME] | event NAME [TEXT...] | exit CODE | stdin NAME\n"
	      "       report raw PATH   (the bytes as they are: for tests of the receiver)\n"
	      "       report mark 1|0   (what comes between is profiled, where the engine can)\n",
	      stderr);
	exit(2);
}

static uint32_t crc32(struct bytes b)
{
	static uint32_t table[256];
	uint32_t crc = ~0u;

	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
		table[i] = c;
	}
	for (size_t i = 0; i < b.len; i++)
		crc = table[(crc ^ b.data[i]) & 0xff] ^ crc >> 8;
	return ~crc;
}

/* One instruction per burst: the emulators pay for instructions, not for bytes. */
static void put(const void *data, size_t len)
{
	__asm__ volatile("rep outsb"
			 : "+S"(data), "+c"(len)
			 : "d"(PORT)
			 : "memory");
}

static struct bytes read_all(int fd, const char *name)
{
	struct bytes b = { NULL, 0 };
	size_t room = 0;

	for (;;) {
		ssize_t n;

		if (b.len == room) {
			room = room ? 2 * room : 65536;
			b.data = realloc(b.data, room);
			if (!b.data)
				fail("no memory for", name);
		}
		n = read(fd, b.data + b.len, room - b.len);
		if (n < 0)
			fail("cannot read", name);
		if (n == 0)
			return b;
		b.len += n;
	}
}

static bool name_ok(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] < '!' || name[i] > '~')
			return false;
	return true;
}

static void open_port(void)
{
	if (ioperm(PORT, 1, 1))
		fail("no access to", "the port (is this run as root?)");
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail("cannot open", path);
	return fd;
}

static void send(const char *kind, const char *name, struct bytes b)
{
	char header[NAME_MAX_LEN + 64];
	int len, lock;

	if (!name_ok(name)) {
		fprintf(stderr, "report: bad name '%s': 1 to %d printable characters, no blanks\n",
			name, NAME_MAX_LEN);
		exit(2);
	}
	open_port();
	/* Frames of two processes must not mix. Should the lock be missing, send all the same. */
	lock = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (lock >= 0)
		flock(lock, LOCK_EX);
	len = snprintf(header, sizeof(header), "\x02"
					       "DL1 %s %s %zu %08x\n",
		       kind, name, b.len,
		       crc32(b));
	put(header, len);
	put(b.data, b.len);
	put("\n", 1);
}

static struct bytes join(char **words)
{
	struct bytes b = { NULL, 0 };

	for (int i = 0; words[i]; i++) {
		size_t len = strlen(words[i]);

		b.data = realloc(b.data, b.len + len + 1);
		if (!b.data)
			fail("no memory for", words[i]);
		if (i)
			b.data[b.len++] = ' ';
		memcpy(b.data + b.len, words[i], len);
		b.len += len;
	}
	return b;
}

static void send_file(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	send("file", name ? name : slash ? slash + 1 :
					   path,
	     read_all(open_file(path), path));
}

static void send_raw(const char *path)
{
	struct bytes b = read_all(open_file(path), path);

	open_port();
	put(b.data, b.len);
}

static void send_exit(char *code)
{
	struct bytes b = { (unsigned char *)code, strlen(code) };
	char *end;
	long value = strtol(code, &end, 10);

	if (!b.len || *end || value < 0 || value > 255)
		usage();
	send("exit", "status", b);
}

static void send_mark(const char *value)
{
	if (strcmp(value, "0") && strcmp(value, "1"))
		usage();
	if (ioperm(MARK_PORT, 1, 1))
		fail("no access to", "the port (is this run as root?)");
	outb(value[0] == '1', MARK_PORT);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		usage();
	if (!strcmp(argv[1], "file") && argc <= 4)
		send_file(argv[2], argc == 4 ? argv[3] : NULL);
	else if (!strcmp(argv[1], "event"))
		send("event", argv[2], join(argv + 3));
	else if (!strcmp(argv[1], "exit") && argc == 3)
		send_exit(argv[2]);
	else if (!strcmp(argv[1], "stdin") && argc == 3)
		send("file", argv[2], read_all(STDIN_FILENO, argv[2]));
	else if (!strcmp(argv[1], "raw") && argc == 3)
		send_raw(argv[2]);
	else if (!strcmp(argv[1], "mark") && argc == 3)
		send_mark(argv[2]);
	else
		usage();
	return 0;
}
