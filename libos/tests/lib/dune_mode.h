/* SPDX-License-Identifier: MIT */
/* Entering Dune mode in a test: anything else but success ends it. */
#ifndef TESTS_DUNE_MODE_H
#define TESTS_DUNE_MODE_H

#include <dune.h>

#include "lib/ktap.h"

static inline void must_enter(void)
{
	int error = dune_enter();

	if (error)
		ktap_bail("dune_enter: %s", strerror(-error));
}

static inline void must_init_and_enter(void)
{
	int error = dune_init(NULL);

	if (error)
		ktap_bail("dune_init: %s", strerror(-error));
	must_enter();
}

#endif
