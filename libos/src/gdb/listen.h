/* SPDX-License-Identifier: MIT */
/* A program that waits for gdb. */
#ifndef DUNE_SRC_GDB_LISTEN_H
#define DUNE_SRC_GDB_LISTEN_H

/*
 * Before dune_start(), in a process of one thread: the program will wait at its
 * first instruction for a gdb that connects to address ("PORT", "HOST:PORT" or the
 * path of a socket to be made). -EINVAL: no such address, -EADDRINUSE, -EACCES,
 * -EPERM: the process may not be traced, or is traced already.
 */
int gdb_listen(const char *address);

#endif
