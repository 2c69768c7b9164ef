// SPDX-License-Identifier: MIT
/* What `dune rt' takes apart: lists and masks of cores, sizes, times. */
#include "run/rt_cores.h"
#include "run/rt_units.h"
#include "tests/check.h"

static void list_is(const char *list, const char *want, const char *mask)
{
	struct cores cores, again;
	char text[CORES_TEXT];
	const char *wrong = cores_parse(&cores, list);

	check(!wrong, "%s: %s", list, wrong);
	check(!strcmp(cores_list(&cores, text), want), "%s: list %s", list, text);
	check(!strcmp(cores_mask(&cores, text), mask), "%s: mask %s", list, text);
	check(cores_parse_mask(&again, text) && cores_equal(&cores, &again), "%s: back", list);
}

static void test_lists(void)
{
	list_is("", "", "0");
	list_is("\n", "", "0");
	list_is("0", "0", "1");
	list_is("2-3,5\n", "2-3,5", "2c");
	list_is("5,2,3", "2-3,5", "2c");
	list_is("0-63", "0-63", "ffffffff,ffffffff");
	list_is("31-32", "31-32", "1,80000000");
	list_is("64,1023", "64,1023",
		"80000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,"
		"00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,"
		"00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,"
		"00000000,00000000,00000001,00000000,00000000");
}

static void test_no_lists(void)
{
	static const char *const bad[] = {
		"a", "1,", ",1", "-1", "1-", "3-2", "1--2", "1,1", "1-3,2", "1024", "0-1024",
		"1 2", "1;2", "0x3", "1.5", "18446744073709551616", "99999999999999999999999",
		"1-2-3", "+1",
	};
	struct cores cores;
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check(cores_parse(&cores, bad[i]), "%s is a list", bad[i]);
}

static void test_masks(void)
{
	static const char *const bad[] = { "", "\n", "g", "0x3", "1\n2", "-1", " 1" };
	struct cores cores;
	char text[2 * CORES_TEXT];
	unsigned int i;

	check(cores_parse_mask(&cores, "0000000f\n") && cores_count(&cores) == 4, "f");
	check(cores_parse_mask(&cores, "C") && cores_has(&cores, 3) && !cores_has(&cores, 1), "C");
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check(!cores_parse_mask(&cores, bad[i]), "'%s' is a mask", bad[i]);
	memset(text, '0', sizeof(text));
	text[sizeof(text) - 1] = 0;
	check(cores_parse_mask(&cores, text) && !cores_count(&cores), "many zeroes");
	text[0] = '1';
	check(!cores_parse_mask(&cores, text), "too large");
}

static void test_sets(void)
{
	struct cores a, b, c;

	cores_parse(&a, "0-3,70");
	cores_parse(&b, "2,70-71");
	c = cores_and(&a, &b);
	check(cores_count(&c) == 2 && cores_has(&c, 2) && cores_has(&c, 70), "and");
	c = cores_without(&a, &b);
	check(cores_count(&c) == 3 && cores_next(&c, 1) == 1 && cores_next(&c, 2) == 3, "without");
	cores_join(&c, &b);
	check(cores_count(&c) == 6 && cores_next(&c, 72) == CORES_MAX, "join");
	check(cores_overlap(&a, &b), "overlap");
	cores_parse(&b, "4-69");
	check(!cores_overlap(&a, &b), "no overlap");
}

static void test_sizes(void)
{
	static const char *const bad[] = { "", "M", "-1M", " 1", "1MB", "1m", "1.5G", "0", "0G",
					   "0x1", "18446744073709551616", "17179869184G", "1 M" };
	uint64_t n;
	unsigned int i;

	check(!units_size("4096", &n) && n == 4096, "%lu", n);
	check(!units_size("64M", &n) && n == 64ull << 20, "%lu", n);
	check(!units_size("3K", &n) && n == 3072, "%lu", n);
	check(!units_size("7G", &n) && n == 7ull << 30, "%lu", n);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check(units_size(bad[i], &n), "'%s' is a size", bad[i]);
}

static void test_times(void)
{
	static const char *const bad[] = { "", "us", "-5us", "5 us", "5m", "5min", "0", "0us",
					   "0.5us", "999999999999s" };
	uint64_t n;
	unsigned int i;

	check(!units_time("5", &n) && n == 5000, "%lu", n);
	check(!units_time("5us", &n) && n == 5000, "%lu", n);
	check(!units_time("700ns", &n) && n == 700, "%lu", n);
	check(!units_time("2ms", &n) && n == 2000000, "%lu", n);
	check(!units_time("1s", &n) && n == 1000000000, "%lu", n);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check(units_time(bad[i], &n), "'%s' is a time", bad[i]);
}

static void test_counts(void)
{
	static const char *const bad[] = { "", ",", "1,", ",1", "1,,2", "a", "1 2", "-1", " 1",
					   "65536", "1,2,3,4", "99999999999999999999" };
	uint32_t n[3];
	unsigned int i;

	check(!units_counts("7", n, 3) && n[0] == 7 && !n[1] && !n[2], "one");
	check(!units_counts("1,0,2", n, 3) && n[0] == 1 && !n[1] && n[2] == 2, "three");
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check(units_counts(bad[i], n, 3), "'%s' are counts", bad[i]);
}

static const struct test_case cases[] = {
	{ "lists of cores", test_lists },
	{ "what is no list", test_no_lists },
	{ "masks", test_masks },
	{ "sets", test_sets },
	{ "sizes", test_sizes },
	{ "times", test_times },
	{ "counts", test_counts },
};

TEST_MAIN(cases)
