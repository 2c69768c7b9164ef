// SPDX-License-Identifier: MIT
/* The environment variable DUNE_RT: what it means, what is refused, what is read back. */
#include <stdlib.h>

#include "rt/config.h"
#include "tests/check.h"

static uint64_t state = 6;

static uint32_t below(uint32_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % n;
}

/* In memory of exactly its size: a read behind its end is seen. */
static const char *parse(struct rt_config *config, const char *text)
{
	char *copy = strdup(text);
	const char *wrong = rt_config_parse(config, copy);

	free(copy);
	return wrong;
}

static void everything(void)
{
	struct rt_config c;
	const char *wrong = parse(&c, "cpus=2-3+5+64+1023,policy=rr,quantum=5000,memory=67108864,"
				      "memory_fd=7,shared_fd=8,reserved=1+0+12");

	check(!wrong, "%s", wrong);
	check(c.cpus[0] == 0x2c && c.cpus[1] == 1 && c.cpus[15] == 1ull << 63, "CPUs");
	check(!strcmp(c.policy, "rr") && c.quantum == 5000, "%s %lu", c.policy, c.quantum);
	check(c.memory == 67108864 && c.memory_fd == 7 && c.shared_fd == 8, "memory");
	check(c.classes == 3 && c.reserved[0] == 1 && !c.reserved[1] && c.reserved[2] == 12,
	      "reserved");
}

static void nothing(void)
{
	struct rt_config c;
	uint32_t i;

	check(!parse(&c, ""), "it is allowed");
	for (i = 0; i < RT_CPUS_MAX; i++)
		check(!rt_config_cpu(&c, i), "CPU %u", i);
	check(!rt_config_cpu(&c, RT_CPUS_MAX), "the one behind the last");
	check(!c.policy[0] && !c.quantum && !c.memory && !c.classes, "given");
	check(c.memory_fd == -1 && c.shared_fd == -1, "descriptors");
}

static void refusals(void)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ ",", "not known" },
		{ "cpus", "not known" },
		{ "cpus=1,", "not known" },
		{ " cpus=1", "not known" },
		{ "cpu=1", "not known" },
		{ "cpuss=1", "not known" },
		{ "memory_f=1", "not known" },
		{ "cpus=", "decimal" },
		{ "cpus=a", "decimal" },
		{ "cpus=1+", "decimal" },
		{ "cpus=-1", "decimal" },
		{ "cpus=1-", "decimal" },
		{ "cpus=1,2", "not known" },
		{ "cpus=1/2", "behind" },
		{ "cpus=3-2", "backwards" },
		{ "cpus=1024", "larger" },
		{ "cpus=0-1024", "larger" },
		{ "cpus=99999999999999999999999", "larger" },
		{ "cpus=1,cpus=2", "twice" },
		{ "policy=", "lacks" },
		{ "policy=0123456789abcdef", "long" },
		{ "quantum=0", "none" },
		{ "quantum=4611686018427387904", "larger" },
		{ "quantum=16h", "behind" },
		{ "quantum=5us", "behind" },
		{ "reserved=", "decimal" },
		{ "reserved=65", "larger" },
		{ "reserved=1+1+1+1+1+1+1+1+1", "more classes" },
		{ "memory=0", "none" },
		{ "memory=1", "needs memory_fd" },
		{ "memory_fd=1", "needs memory=" },
		{ "memory=140737488355329,memory_fd=1", "larger" },
		{ "shared_fd=2147483648", "larger" },
		{ "shared_fd=-1", "decimal" },
	};
	struct rt_config c;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *wrong = parse(&c, bad[i].text);

		check(wrong && strstr(wrong, bad[i].why), "\"%s\": \"%s\"", bad[i].text, wrong);
	}
	check(!parse(&c, "policy=0123456789abcde") && strlen(c.policy) == 15, "the longest name");
	check(!parse(&c, "quantum=4611686018427387903") && c.quantum == RT_FOREVER / 4, "quantum");
	check(!parse(&c, "cpus=0-1023") && c.cpus[9] == ~0ull, "all CPUs");
}

static struct rt_config any(void)
{
	struct rt_config c;
	uint32_t i, n = below(4) ? below(8) : below(700);

	rt_config_clear(&c);
	for (i = 0; i < n; i++)
		rt_config_cpu_add(&c, below(RT_CPUS_MAX));
	if (below(2))
		for (i = below(RT_CPUS_MAX); i < RT_CPUS_MAX && below(20); i++)
			rt_config_cpu_add(&c, i);
	for (i = 0, n = below(RT_NAME_MAX); i < n; i++)
		c.policy[i] = (char)('a' + below(26));
	c.quantum = below(2) ? 0 : 1 + (state >> below(64)) % (RT_FOREVER / 4);
	c.classes = below(RT_CLASSES_MAX + 1);
	for (i = 0; i < c.classes; i++)
		c.reserved[i] = below(RT_CORES_MAX + 1);
	c.shared_fd = (int)below(3) - 1;
	if (below(2)) {
		c.memory = 1 + (state >> 17);
		c.memory_fd = (int)below(1u << 31);
	}
	return c;
}

static void round_trips(void)
{
	static char text[RT_CONFIG_SIZE];
	struct rt_config c, back;
	size_t len, less;
	int i;

	for (i = 0; i < 20000; i++) {
		const char *wrong;
		char *exact;

		c = any();
		len = rt_config_print(&c, text, sizeof(text));
		check(len == strlen(text), "%zu for \"%s\"", len, text);
		wrong = parse(&back, text);
		check(!wrong && !memcmp(&c, &back, sizeof(c)), "\"%s\": %s", text, wrong);
		less = below((uint32_t)len + 2);
		exact = malloc(less + 1);
		check(rt_config_print(&c, exact, less) == (less > len ? len : 0), "%zu of %zu",
		      less, len);
		free(exact);
	}
}

/* Every second CPU is the longest list there is. */
static void longest(void)
{
	static char text[RT_CONFIG_SIZE];
	struct rt_config c = any();
	uint32_t i;

	memset(c.cpus, 0, sizeof(c.cpus));
	for (i = 0; i < RT_CPUS_MAX; i += 2)
		rt_config_cpu_add(&c, i);
	check(rt_config_print(&c, text, sizeof(text)), "it does not fit");
}

/* Anything at all: the sanitizers look on. What is taken can be written and read again. */
static void rubbish(void)
{
	static const char *const words[] = { "cpus=", "policy=", "quantum=", "reserved=", "memory=",
					     "memory_fd=", "shared_fd=", ",", "+", "-", "1", "0",
					     "23", "1023", "rr", "=", "18446744073709551616" };
	static char text[RT_CONFIG_SIZE], again[RT_CONFIG_SIZE];
	struct rt_config c, back;
	int i, taken = 0;

	for (i = 0; i < 200000; i++) {
		uint32_t n = below(9);

		text[0] = '\0';
		while (n--)
			strcat(text, words[below(sizeof(words) / sizeof(words[0]))]);
		if (*text && !below(4))
			text[below((uint32_t)strlen(text))] = (char)(1 + below(255));
		if (parse(&c, text))
			continue;
		taken++;
		check(rt_config_print(&c, again, sizeof(again)) || !*text, "\"%s\"", text);
		check(!parse(&back, again) && !memcmp(&c, &back, sizeof(c)), "\"%s\"", text);
	}
	check(taken > 1000, "%d", taken);
}

static const struct test_case cases[] = {
	{ "every key is understood", everything },
	{ "the empty text gives nothing", nothing },
	{ "what is wrong is refused with a reason", refusals },
	{ "what is written is read again", round_trips },
	{ "the longest text fits", longest },
	{ "rubbish does no harm", rubbish },
};

TEST_MAIN(cases)
