/* SPDX-License-Identifier: MIT */
/* An ELF program or interpreter, mapped as execve() would map it. */
#ifndef DUNE_RUN_IMAGE_H
#define DUNE_RUN_IMAGE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct image {
	uint64_t entry; /* absolute, as all addresses here */
	uint64_t base;  /* what is added to the file's addresses */
	uint64_t headers; /* of the program headers in memory, 0 if no segment has them */
	uint16_t header_size, headers_n;
	uint64_t code_start, code_end, data_start, data_end, end;
	bool exec_stack; /* it wants one */
	char interpreter[PATH_MAX]; /* empty: none */
};

/*
 * Map the file open at fd. near: where a position-independent program goes, 0
 * for wherever the kernel likes. -ENOEXEC: no 64-bit x86 ELF program, or its
 * headers make no sense, *why says what; -EEXIST: its addresses are in use;
 * -ENOMEM, -EIO and what mmap() says.
 */
int image_map(int fd, uint64_t near, struct image *image, const char **why);

#endif
