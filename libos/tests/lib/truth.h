/* SPDX-License-Identifier: MIT */
/*
 * An oracle for memory. Workers in Dune mode read and write an area without
 * pause while a changer does something to it, round after round. The first word
 * of each page is its stamp: the generation, and the page's number. The changer
 * writes the stamps of a new generation and only then says that it is current,
 * so a single load through an old translation shows an old stamp, or another
 * page's. Each worker has a counter of its own in each page, whose value it
 * remembers: a store through an old translation is missing in the next load.
 */
#ifndef TESTS_TRUTH_H
#define TESTS_TRUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE 4096ul
#define HUGE (2ul << 20)
#define WORKERS 3
#define PAGES_MAX 512

struct truth {
	unsigned char *area;
	unsigned int pages;
	uint64_t generation; /* of the stamps that are there, or are being written */
	void *own;           /* the scenario's */
};

struct scenario {
	const char *name;
	unsigned int pages;
	unsigned int rounds;
	bool keeps;     /* contents outlive the change */
	bool no_faults; /* and no access ever fails */

	/* NULL, or why this machine cannot: map t->area. The default maps anonymous memory. */
	const char *(*setup)(struct truth *t);
	/* One change; false if what it looked at was wrong. */
	bool (*change)(struct truth *t, unsigned int round);
	/* After the workers have ended. False: something is wrong. */
	bool (*teardown)(struct truth *t);
};

/*
 * Two checks for each scenario: changed by a thread in Linux mode, by one in Dune mode. argv[1]
 * multiplies the rounds. Returns the exit status.
 */
int truth_main(const struct scenario *scenarios, size_t n, int argc, char **argv);

/* Within change(). */
/* Wait until each worker has read and tried to write the whole area at least once. */
void truth_wait(const struct truth *t);
/* Whether no worker's store arrives while the area is as it is now; waits a little. */
bool truth_frozen(const struct truth *t);
/* A change: fork. The child's copy must stay as it was while the parent's vCPUs write on. */
bool truth_fork(struct truth *t, unsigned int round);
/* Sum of all words in which workers count. */
uint64_t truth_sum(const struct truth *t);

/* Anonymous memory, aligned to 2 MiB if it is that large; ends the program if there is none. */
unsigned char *truth_map(size_t size);
/* Write a number into a file of /proc or /sys, or read one; -1 if it cannot be. */
int number_write(const char *path, long number);
long number_read(const char *path);

#endif
