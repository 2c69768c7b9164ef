/* SPDX-License-Identifier: MIT */
/* Is this the right reply to that request, byte for byte? */
#ifndef LOAD_CHECK_H
#define LOAD_CHECK_H

#include "kv/load/plan.h"

enum verdict { CHECK_MORE, CHECK_HIT, CHECK_MISS, CHECK_STORED, CHECK_WRONG };

/*
 * The reply to request i begins at `in`, of which `len` bytes have come.
 * CHECK_MORE: right so far, not complete. Otherwise *used bytes were it.
 */
enum verdict check_reply(const struct plan *plan, uint64_t i, const char *in, size_t len,
			 size_t *used);

#endif
