/* SPDX-License-Identifier: MIT */
/* Ending with one clear line: status 2 for the user's, 3 for the measurement's fault. */
#ifndef LOAD_FAIL_H
#define LOAD_FAIL_H

enum { FAIL_USAGE = 2, FAIL_MEASUREMENT = 3 };

void fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

#endif
