/* SPDX-License-Identifier: GPL-2.0 */
/* How many VMs each user may have. */
#ifndef DUNE_CORE_LIMIT_H
#define DUNE_CORE_LIMIT_H

struct limit_user;

/* Take one VM of the caller's user; -EDQUOT if it has all that it may have. */
struct limit_user *limit_take(void);
void limit_give(struct limit_user *user);

#endif
