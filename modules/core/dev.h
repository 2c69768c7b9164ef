/* SPDX-License-Identifier: GPL-2.0 */
/* The device node /dev/dune. */
#ifndef DUNE_CORE_DEV_H
#define DUNE_CORE_DEV_H

int dev_register(void);
void dev_unregister(void);

#endif
