// SPDX-License-Identifier: MIT
/* Threads whose thread-local storage must be theirs alone: zeroes first, then what they wrote. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static __thread unsigned char area[2048];

static int all_are(int value)
{
	unsigned int i;

	for (i = 0; i < sizeof(area); i++)
		if (area[i] != value)
			return 0;
	return 1;
}

static void *thread(void *arg)
{
	int value = *(int *)arg, i;

	if (!all_are(0))
		return "not zero at first";
	memset(area, value, sizeof(area));
	for (i = 0; i < 50; i++)
		usleep(100);
	return all_are(value) ? NULL : "written by somebody else";
}

int main(void)
{
	pthread_t threads[4];
	int values[4] = { 1, 2, 3, 4 }, i;
	void *complaint;

	for (i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, thread, &values[i]))
			return 2;
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], &complaint);
		printf("thread %d: %s\n", i, complaint ? (char *)complaint : "its own");
	}
	return 0;
}
