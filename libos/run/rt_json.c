// SPDX-License-Identifier: MIT
/* JSON on the standard output. */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "rt_json.h"

static bool first = true;
static int depth;

static void string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		/* Not UTF-8 for sure; so only what is the same in it. */
		putchar(*text < ' ' || *text > '~' ? '?' : *text);
	}
	putchar('"');
}

static void begin(const char *name)
{
	if (!first)
		putchar(',');
	if (depth)
		printf("\n%*s", depth, "");
	first = false;
	if (name) {
		string(name);
		fputs(": ", stdout);
	}
}

void json_open(const char *name, char bracket)
{
	begin(name);
	putchar(bracket);
	first = true;
	depth++;
}

void json_close(char bracket)
{
	putchar(bracket);
	first = false;
	if (!--depth) {
		putchar('\n');
		first = true;
	}
}

void json_number(const char *name, uint64_t value)
{
	begin(name);
	printf("%" PRIu64, value);
}

void json_text(const char *name, const char *value)
{
	begin(name);
	string(value);
}
