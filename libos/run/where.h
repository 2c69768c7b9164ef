/* SPDX-License-Identifier: MIT */
/* Names of addresses in other processes. */
#ifndef DUNE_RUN_WHERE_H
#define DUNE_RUN_WHERE_H

#include <stddef.h>
#include <stdint.h>

/* " file+offset" as addr2line(1) takes it, of what is mapped at the address; or "". */
const char *where(int thread, uint64_t address, char *to, size_t size);
/* Its memory is another one. */
void where_forget(int thread);

#endif
