// SPDX-License-Identifier: MIT
/* Processes in Dune mode that spin, or that end badly. */
#include <dune.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Put together at run time: in a core file it comes from memory, not from the program's text. */
static char marker[64];

static void *spin(void *arg)
{
	volatile unsigned long *count = arg;

	for (;;)
		(*count)++;
	return NULL;
}

#define VECTOR 0x50
#define TICKS 1000000

static __thread volatile unsigned long *mine;

static void on_timer(struct dune_trap_frame *frame, void *arg)
{
	(void)frame;
	(void)arg;
	(*mine)++;
	dune_timer_set(__builtin_ia32_rdtsc() + TICKS);
}

/* The same, but for its timer to count. */
static void *tick(void *arg)
{
	mine = arg;
	if (dune_timer_open(VECTOR, TICKS) || dune_timer_set(0))
		exit(1);
	for (;;)
		;
	return NULL;
}

/* n threads count in ring 0; the least goes into a file again and again. */
static void spin_with(int n, const char *path, void *(*loop)(void *))
{
	static unsigned long counts[16][8];
	int fd = open(path, O_WRONLY | O_CREAT, 0644);
	pthread_t thread;
	int i;

	if (fd < 0)
		exit(1);
	for (i = 0; i < n; i++)
		pthread_create(&thread, NULL, loop, counts[i]);
	for (;;) {
		unsigned long least = ~0ul;

		usleep(200000);
		for (i = 0; i < n; i++)
			least = counts[i][0] < least ? counts[i][0] : least;
		/* In one piece and one length: a reader never meets an empty file. */
		if (dprintf(fd, "%019lu\n", least) != 20 || lseek(fd, 0, SEEK_SET))
			exit(1);
	}
}

/* What interrupts this CPU waits for as long as it may. */
static void shielded(void)
{
	if (dune_shield_begin(~0ull))
		exit(1);
	puts("begun");
	fflush(stdout);
	for (;;)
		;
}

static void hog(void)
{
	size_t size = 1ul << 30, i;
	volatile char *area = mmap(NULL, size, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	for (i = 0; i < size; i += 4096)
		area[i] = 1;
	puts("all of it");
}

static void marker_write(void)
{
	snprintf(marker, sizeof(marker), "marker-%s-%d", "of-ring", 0);
}

static void core(void)
{
	static unsigned long count[8];
	pthread_t thread;

	marker_write();
	pthread_create(&thread, NULL, spin, count);
	abort();
}

/* Whether the file has the marker; holes, of which a core file is full, are left out. */
static int find(const char *path)
{
	static char data[1 << 16];
	int fd = open(path, O_RDONLY);
	off_t at = 0;

	marker_write();
	while ((at = lseek(fd, at, SEEK_DATA)) >= 0) {
		ssize_t n = pread(fd, data, sizeof(data), at);

		if (n <= 0)
			break;
		if (memmem(data, (size_t)n, marker, strlen(marker))) {
			puts("the marker is in it");
			return 0;
		}
		/* Overlapping, so that none is cut in two. */
		at += n > 4096 ? n - 64 : n;
	}
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "find"))
		return find(argv[2]);
	if (argc < 2 || dune_init(NULL) || dune_enter())
		return 2;
	dune_trap_set(VECTOR, on_timer, NULL);
	if (argc == 4 && !strcmp(argv[1], "spin"))
		spin_with(atoi(argv[2]), argv[3], spin);
	if (argc == 4 && !strcmp(argv[1], "tick"))
		spin_with(atoi(argv[2]), argv[3], tick);
	if (!strcmp(argv[1], "hog"))
		hog();
	if (!strcmp(argv[1], "shield"))
		shielded();
	if (!strcmp(argv[1], "core"))
		core();
	return 2;
}
