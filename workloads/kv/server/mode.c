// SPDX-License-Identifier: MIT
/* Ordinary threads only: this build has no libdune. */
#include "kv/server/mode.h"

#include <stdio.h>

int mode_init(bool dune)
{
	if (dune) {
		fprintf(stderr, "kv-server: --dune: this build has no libdune; leave --dune out\n");
		return -1;
	}
	return 0;
}

int mode_enter(void)
{
	return 0;
}

void mode_leave(void)
{
}
