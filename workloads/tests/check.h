/* SPDX-License-Identifier: MIT */
/* The least of a unit test: named cases, checks that say where, KTAP output. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct test_case {
	const char *name;
	void (*run)(void);
};

static int test_failures;

#define check(condition, ...)                                                  \
	do {                                                                   \
		if (!(condition)) {                                            \
			test_failures++;                                       \
			printf("# %s:%d: %s: ", __FILE__, __LINE__, #condition); \
			printf(__VA_ARGS__);                                   \
			printf("\n");                                          \
		}                                                              \
	} while (0)

#define check_text(got, len, want)                                             \
	check((len) == strlen(want) && (!(len) || !memcmp(got, want, len)),    \
	      "got \"%.*s\", want \"%s\"", (int)((len) < 400 ? (len) : 400), got, want)

static inline int test_main(const struct test_case *cases, int n)
{
	int i, failed = 0;

	printf("KTAP version 1\n1..%d\n", n);
	for (i = 0; i < n; i++) {
		test_failures = 0;
		cases[i].run();
		printf("%s %d %s\n", test_failures ? "not ok" : "ok", i + 1, cases[i].name);
		failed += test_failures != 0;
		fflush(stdout);
	}
	return failed ? 1 : 0;
}

#define TEST_MAIN(cases)                                                       \
	int main(void)                                                         \
	{                                                                      \
		return test_main(cases, (int)(sizeof(cases) / sizeof(cases[0]))); \
	}

#endif
