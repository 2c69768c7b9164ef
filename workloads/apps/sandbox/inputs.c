// SPDX-License-Identifier: MIT
/* The programs' inputs, made from the seed. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "apps/sandbox/sandbox.h"
#include "lib/rng.h"

#define WORDS 4096u

static struct rng rng;

static FILE *begin(const char *name, uint64_t stream, uint64_t seed)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), SANDBOX_IN "/%s", name);
	file = fopen(path, "w");
	if (!file)
		app_fail(path, errno);
	rng_init(&rng, seed, stream);
	return file;
}

static void end(FILE *file)
{
	if (fclose(file))
		app_fail("an input", errno);
}

/* The n-th word of the language: frequent ones are short. */
static void word(FILE *file, uint64_t n)
{
	static const char syllables[] = "tarekosimunelavihodupayegisobatocenimerula";
	uint64_t state = n;

	do {
		uint64_t s = rng_splitmix64(&state) % (sizeof(syllables) / 2);

		fwrite(syllables + 2 * s, 1, 2, file);
		n /= 12;
	} while (n);
}

/* Small numbers are more frequent, about as words are in a language. */
static uint64_t skewed(uint64_t n)
{
	uint64_t a = rng_below(&rng, n);

	return rng_below(&rng, rng_below(&rng, a + 1) + 1);
}

static void text(const char *name, uint64_t stream, uint64_t seed, long bytes)
{
	FILE *file = begin(name, stream, seed);

	while (ftell(file) < bytes) {
		uint64_t n = 4 + rng_below(&rng, 12);

		while (n--) {
			word(file, skewed(WORDS));
			fputc(n ? ' ' : '.', file);
		}
		fputc(rng_below(&rng, 4) ? ' ' : '\n', file);
	}
	end(file);
}

/* Functions that a compiler has something to do for. */
static void program(const char *name, uint64_t stream, uint64_t seed, unsigned int functions)
{
	FILE *file = begin(name, stream, seed);
	unsigned int i;

	fprintf(file, "static int table[64];\n");
	for (i = 0; i < functions; i++) {
		unsigned int a = (unsigned int)rng_below(&rng, 60), b = 1 + a % 13;

		fprintf(file,
			"int f%u(int a, int b)\n{\n\tint i, sum = %u;\n\n"
			"\tfor (i = 0; i < b %% 32; i++) {\n"
			"\t\tif ((a ^ i) & %u)\n\t\t\tsum += table[(i + %u) & 63] * a;\n"
			"\t\telse\n\t\t\ttable[(sum >> %u) & 63] -= i << 2;\n\t}\n",
			i, a, 1u << a % 9, a, b);
		if (i)
			fprintf(file, "\tsum += f%u(sum, a & 7);\n",
				(unsigned int)rng_below(&rng, i));
		fprintf(file, "\treturn sum > %u ? sum / %u : -sum;\n}\n\n", a * b, b);
	}
	end(file);
}

static void table(uint64_t seed, unsigned int rows)
{
	FILE *file = begin("table", 5, seed);

	while (rows--) {
		word(file, skewed(400));
		fprintf(file, ",%u,%u,", (unsigned int)rng_below(&rng, 10000),
			(unsigned int)skewed(1000));
		word(file, skewed(WORDS));
		fputc('\n', file);
	}
	end(file);
}

static void sql(uint64_t seed, unsigned int rows)
{
	FILE *file = begin("script.sql", 6, seed);
	unsigned int i;

	fprintf(file, "create table t(id integer primary key, name text, x int, y int);\n"
		      "create index by_x on t(x);\nbegin;\n");
	for (i = 0; i < rows; i++) {
		fprintf(file, "insert into t(name, x, y) values('");
		word(file, skewed(400));
		fprintf(file, "', %u, %u);\n", (unsigned int)rng_below(&rng, 5000),
			(unsigned int)rng_below(&rng, 5000));
	}
	fprintf(file,
		"commit;\n"
		"select count(*), sum(x), avg(y) from t;\n"
		"select name, count(*) n, max(x - y) from t group by name order by n desc, name"
		" limit 20;\n"
		"update t set y = y + 1 where x between 1000 and 2000;\n"
		"select a.x, count(*) from t a join t b on a.x = b.x and a.id < b.id group by a.x"
		" order by 2 desc, 1 limit 10;\n"
		"delete from t where x %% 3 = 0;\nselect count(*), sum(y) from t;\n");
	end(file);
}

/* Clauses of three literals, nearly too many to be satisfied: the hardest kind. */
static void clauses(uint64_t seed, unsigned int variables)
{
	FILE *file = begin("clauses", 7, seed);
	unsigned int n = variables * 426 / 100, i, k;

	fprintf(file, "p cnf %u %u\n", variables, n);
	for (i = 0; i < n; i++) {
		for (k = 0; k < 3; k++)
			fprintf(file, "%s%u ", rng_below(&rng, 2) ? "-" : "",
				1 + (unsigned int)rng_below(&rng, variables));
		fprintf(file, "0\n");
	}
	end(file);
}

static void line(const char *name, const char *format, unsigned int value)
{
	FILE *file = begin(name, 0, 0);

	fprintf(file, format, value);
	end(file);
}

void inputs_make(const struct app_options *options)
{
	unsigned int n = options->quick ? 1 : 5;

	mkdir(SANDBOX_DIR, 0755);
	mkdir(SANDBOX_IN, 0755);
	text("text", 1, options->seed, 300000l * n);
	text("long", 2, options->seed, 2000000l * n);
	program("program.c", 3, options->seed, 2000 * n);
	program("small.c", 4, options->seed, 10 * n);
	table(options->seed, 20000 * n);
	sql(options->seed, 4000 * n);
	clauses(options->seed, options->quick ? 130 : 170);
	line("size", "%u\n", n);
	line("pi.bc", "scale = %u\n4 * a(1)\n", options->quick ? 250 : 450);
}
