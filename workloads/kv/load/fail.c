// SPDX-License-Identifier: MIT
/* The one way out on an error. */
#include "kv/load/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void fail(int status, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "kv-load: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "%s\n", status == FAIL_USAGE ? "; see kv-load --help" : "");
	exit(status);
}
