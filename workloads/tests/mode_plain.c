// SPDX-License-Identifier: MIT
/* Ordinary threads only: for the sanitized server, which cannot run in Dune mode. */
#include <stdio.h>

#include "kv/server/mode.h"

int mode_init(bool dune)
{
	if (dune)
		fprintf(stderr, "kv-server: --dune: not with sanitizers; use the released build\n");
	return dune ? -1 : 0;
}

int mode_enter(void)
{
	return 0;
}

void mode_leave(void)
{
}
