/* SPDX-License-Identifier: MIT */
/* Small files of /proc and /sys, read and written in one call. */
#ifndef DUNE_RUN_RT_FILES_H
#define DUNE_RUN_RT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt_cores.h"

#define PATH_ROOM 320

/* Without the newline at the end, cut off at size: its length, or -errno. */
int file_read(const char *path, char *to, size_t size);
/* The same, however long, for free(); NULL and errno. */
char *file_whole(const char *path);
/* As one write(): 0 or -errno. */
int file_write(const char *path, const char *text);
int file_write_number(const char *path, uint64_t number);
/* 0 if there is none. */
uint64_t file_number(const char *path);
/* Empty if there is none. */
struct cores file_list(const char *path);
/* Printed into a path of PATH_ROOM bytes; to. */
char *path_print(char *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
