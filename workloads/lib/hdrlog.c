// SPDX-License-Identifier: MIT
/* Encoding histograms as HdrHistogram's tools read them. */
#include "lib/hdrlog.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#define COOKIE_V2 0x1c849313u
#define COOKIE_V2_COMPRESSED 0x1c849314u
#define HEADER_BYTES 40
/* A count takes at most nine bytes. */
#define PAYLOAD_MAX (HIST_SLOTS * 9u)

static uint8_t *put_be(uint8_t *p, uint64_t value, int bytes)
{
	while (bytes--)
		*p++ = (uint8_t)(value >> (8 * bytes));
	return p;
}

/* The ninth byte carries eight bits, so 64 bits fit in nine bytes. */
static uint8_t *put_zigzag(uint8_t *p, int64_t value)
{
	uint64_t z = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
	int i;

	for (i = 0; i < 8 && z >= 0x80; i++) {
		*p++ = (uint8_t)(z | 0x80);
		z >>= 7;
	}
	*p++ = (uint8_t)z;
	return p;
}

uint8_t *hdrlog_encode(const struct hist *hist, size_t *size)
{
	uint8_t *buffer = malloc(HEADER_BYTES + PAYLOAD_MAX);
	uint8_t *p;
	unsigned int i, end;

	if (!buffer)
		return NULL;
	end = hist->n ? hist_slot(hist->max) + 1 : 1;
	p = buffer + HEADER_BYTES;
	for (i = 0; i < end;) {
		int64_t zeros = 0;

		while (i < end && !hist->count[i]) {
			zeros++;
			i++;
		}
		if (zeros > 1)
			p = put_zigzag(p, -zeros);
		else if (zeros)
			p = put_zigzag(p, 0);
		if (i < end)
			p = put_zigzag(p, (int64_t)hist->count[i++]);
	}
	*size = (size_t)(p - buffer);
	p = put_be(buffer, COOKIE_V2, 4);
	p = put_be(p, *size - HEADER_BYTES, 4);
	p = put_be(p, 0, 4);				/* no normalizing offset */
	p = put_be(p, HIST_SIGNIFICANT_DIGITS, 4);
	p = put_be(p, HIST_LOWEST, 8);
	p = put_be(p, HIST_HIGHEST, 8);
	put_be(p, 0x3ff0000000000000ull, 8);		/* ratio 1.0 */
	return buffer;
}

static void put_base64(FILE *file, const uint8_t *data, size_t size)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t i;

	for (i = 0; i < size; i += 3) {
		uint32_t v = (uint32_t)data[i] << 16;

		if (i + 1 < size)
			v |= (uint32_t)data[i + 1] << 8;
		if (i + 2 < size)
			v |= data[i + 2];
		putc(digit[v >> 18], file);
		putc(digit[(v >> 12) & 63], file);
		putc(i + 1 < size ? digit[(v >> 6) & 63] : '=', file);
		putc(i + 2 < size ? digit[v & 63] : '=', file);
	}
}

void hdrlog_header(FILE *file, const char *comment, double base_s)
{
	time_t seconds = (time_t)base_s;
	struct tm tm;
	char date[64];

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%a %b %d %H:%M:%S UTC %Y", &tm);
	fprintf(file, "#[%s]\n#[Histogram log format version 1.3]\n", comment);
	fprintf(file, "#[StartTime: %.3f (seconds since epoch), %s]\n", base_s, date);
	fprintf(file, "#[BaseTime: %.3f (seconds since epoch)]\n", base_s);
	fprintf(file, "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
		"\"Interval_Compressed_Histogram\"\n");
}

int hdrlog_interval(FILE *file, const char *tag, double start_s,
		    double length_s, const struct hist *hist)
{
	size_t size;
	uint8_t *plain = hdrlog_encode(hist, &size);
	uLongf packed_size = compressBound(size);
	uint8_t *packed = malloc(8 + packed_size);
	int ret = -1;

	if (!plain || !packed)
		goto out;
	if (compress2(packed + 8, &packed_size, plain, size, 6) != Z_OK)
		goto out;
	put_be(packed, COOKIE_V2_COMPRESSED, 4);
	put_be(packed + 4, packed_size, 4);
	if (tag)
		fprintf(file, "Tag=%s,", tag);
	fprintf(file, "%.3f,%.3f,%.3f,", start_s, length_s,
		hist->n ? (double)hist->max / 1e6 : 0.0);
	put_base64(file, packed, 8 + packed_size);
	putc('\n', file);
	ret = 0;
out:
	free(packed);
	free(plain);
	return ret;
}

static void put_row(FILE *file, uint64_t value, double percentile, uint64_t total)
{
	fprintf(file, "%12.3f %12f %12llu %12.2f\n", (double)value, percentile / 100.0,
		(unsigned long long)total, 1.0 / (1.0 - percentile / 100.0));
}

void hdrlog_percentiles(FILE *file, const struct hist *hist)
{
	double target = 0.0, half = 2.0;
	uint64_t total = 0;
	unsigned int i;

	fprintf(file, "%12s %12s %12s %12s\n\n", "Value", "Percentile", "TotalCount",
		"1/(1-Percentile)");
	for (i = 0; i < HIST_SLOTS && total < hist->n; i++) {
		if (!hist->count[i])
			continue;
		total += hist->count[i];
		/* Each halving of the distance to 100 % gets five steps. */
		while (total < hist->n && target <= 100.0 * (double)total / (double)hist->n) {
			put_row(file, hist_slot_high(i), target, total);
			target += 100.0 / (5.0 * half);
			while (100.0 - target <= 100.0 / half)
				half *= 2.0;
		}
		if (total == hist->n) {
			put_row(file, hist_slot_high(i), target, total);
			put_row(file, hist_slot_high(i), 100.0, total);
		}
	}
	fprintf(file, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", hist_mean(hist),
		hist_stddev(hist));
	fprintf(file, "#[Max     = %12.3f, Total count    = %12llu]\n",
		hist->n ? (double)hist->max : 0.0, (unsigned long long)hist->n);
	fprintf(file, "#[Buckets = %12u, SubBuckets     = %12u]\n", HIST_BUCKETS,
		HIST_SUB_BUCKETS);
}
