// SPDX-License-Identifier: MIT
/* Workers in Dune mode: the same threads, in ring 0. */
#include "kv/server/mode.h"

#include <dune.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool in_dune;

static int fail(const char *what, int error)
{
	fprintf(stderr, "kv-server: --dune: %s: %s%s\n", what, strerror(-error),
		error == -ENOENT ? " (no /dev/dune: load dune.ko first)" : "");
	return -1;
}

int mode_init(bool dune)
{
	int error;

	if (!dune)
		return 0;
	error = dune_init(NULL);
	if (error)
		return fail("cannot use the module", error);
	in_dune = true;
	return 0;
}

int mode_enter(void)
{
	int error = in_dune ? dune_enter() : 0;

	return error ? fail("cannot enter Dune mode", error) : 0;
}

void mode_leave(void)
{
	if (in_dune)
		dune_leave();
}
