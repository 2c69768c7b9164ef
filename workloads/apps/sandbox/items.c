// SPDX-License-Identifier: MIT
/* The programs: what each is told. */
#include "apps/sandbox/sandbox.h"

#define IN SANDBOX_IN "/"
#define OURS "/apps/sandbox/"

const struct item items[] = {
	{ "gzip", { "gzip", "-9", "-c", IN "text" }, NULL, NULL, false },
	{ "bzip2", { "bzip2", "-9", "-c", IN "text" }, NULL, NULL, false },
	{ "xz", { "xz", "-4", "-T1", "-c", IN "text" }, NULL, NULL, false },
	{ "tcc", { "tcc", "-c", IN "program.c", "-o", "program.o" }, NULL, "program.o", false },
	{ "gcc", { "gcc-12", "-O2", "-S", IN "small.c", "-o", "small.s" }, NULL, "small.s", false },
	{ "perl", { "perl", OURS "words.pl", IN "text" }, NULL, NULL, false },
	{ "python", { "python3.11", "-I", OURS "nbody.py" }, "size", NULL, false },
	{ "awk", { "mawk", "-f", OURS "table.awk", IN "table" }, NULL, NULL, false },
	{ "sqlite", { "sqlite3", ":memory:" }, "script.sql", NULL, false },
	{ "bc", { "bc", "-l" }, "pi.bc", NULL, false },
	{ "openssl", { "openssl", "dgst", "-sha3-512", IN "long" }, NULL, NULL, false },
	{ "picosat", { "picosat", IN "clauses" }, NULL, NULL, false },
	{ "network", { "/lab/bin/app-cpu", "network" }, "size", NULL, false },
	{ "network_4k", { "/lab/bin/app-cpu", "network" }, "size", NULL, true },
	{ "graph", { "/lab/bin/app-cpu", "graph" }, "size", NULL, false },
};

const unsigned int items_n = sizeof(items) / sizeof(*items);
