/* SPDX-License-Identifier: MIT */
/* Opening the device. */
#ifndef DUNE_SRC_HOST_H
#define DUNE_SRC_HOST_H

int host_device_open(void);
/* Take this descriptor for the device instead: who executed us had it open. */
void host_device_inherit(int fd);

#endif
