/* SPDX-License-Identifier: MIT */
/* Files that begin with #!. */
#ifndef DUNE_RUN_SCRIPT_H
#define DUNE_RUN_SCRIPT_H

#include "stack.h"

/*
 * If *path is a script, make *path its interpreter and args the interpreter's
 * command line. 0, or an exit status after a message.
 */
int script_resolve(struct start_args *args, const char **path);

#endif
