/* SPDX-License-Identifier: MIT */
/* JSON on the standard output, piece by piece. */
#ifndef DUNE_RUN_RT_JSON_H
#define DUNE_RUN_RT_JSON_H

#include <stdint.h>

/* name: NULL in an array and at the top. bracket: { or [, and } or ]. */
void json_open(const char *name, char bracket);
void json_close(char bracket);
void json_number(const char *name, uint64_t value);
void json_text(const char *name, const char *value);

#endif
