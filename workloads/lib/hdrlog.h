/* SPDX-License-Identifier: MIT */
/*
 * HdrHistogram's two text formats: interval log (.hlog, version 1.3) and
 * percentile distribution (.hgrm, classic).
 *
 * An .hlog line is [Tag=t,]start,length,max,histogram: start in seconds
 * after #[BaseTime], length in seconds, max in milliseconds, and the
 * histogram in the V2 encoding (zigzag LEB128 counts, runs of zeros as
 * negative numbers), deflated by zlib, in base64. Values in it are ns.
 */
#ifndef LIB_HDRLOG_H
#define LIB_HDRLOG_H

#include <stdint.h>
#include <stdio.h>

#include "lib/hist.h"

/* base_s: seconds since the epoch that the start stamps count from. */
void hdrlog_header(FILE *file, const char *comment, double base_s);

/* 0, or -1 when out of memory; an empty histogram is written as such. */
int hdrlog_interval(FILE *file, const char *tag, double start_s,
		    double length_s, const struct hist *hist);

/* Five ticks per half distance, values in ns. */
void hdrlog_percentiles(FILE *file, const struct hist *hist);

/*
 * The V2 encoding before compression, in a buffer the caller frees;
 * NULL when out of memory.
 */
uint8_t *hdrlog_encode(const struct hist *hist, size_t *size);

#endif
