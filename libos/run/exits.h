/* SPDX-License-Identifier: MIT */
/* `dune trace PID'. */
#ifndef DUNE_RUN_EXITS_H
#define DUNE_RUN_EXITS_H

/* argv: from the command's name on. An exit status. */
int exits_trace(int argc, char **argv);

#endif
