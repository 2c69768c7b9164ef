/* SPDX-License-Identifier: MIT */
/* What only lifecycle.c asks of the device. */
#ifndef DUNE_SRC_HOST_H
#define DUNE_SRC_HOST_H

int host_device_open(void);

#endif
