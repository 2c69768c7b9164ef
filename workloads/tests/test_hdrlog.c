// SPDX-License-Identifier: MIT
/* The written histogram formats, read back by a decoder of our own. */
#include <math.h>
#include <stdlib.h>
#include <zlib.h>

#include "lib/dist.h"
#include "lib/hdrlog.h"
#include "lib/rng.h"
#include "tests/check.h"

static struct hist hist, back;

static uint64_t get_be(const uint8_t *p, int bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | *p++;
	return v;
}

static int64_t get_zigzag(const uint8_t **p)
{
	uint64_t z = 0;
	int shift = 0;

	for (;;) {
		uint8_t byte = *(*p)++;

		if (shift == 56) {
			z |= (uint64_t)byte << 56;
			break;
		}
		z |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			break;
		shift += 7;
	}
	return (int64_t)(z >> 1) ^ -(int64_t)(z & 1);
}

static void decode(const uint8_t *p, size_t size)
{
	const uint8_t *end = p + size;
	unsigned int slot = 0;

	memset(&back, 0, sizeof(back));
	check(get_be(p, 4) == 0x1c849313, "cookie");
	check(get_be(p + 4, 4) == size - 40, "payload length");
	check(get_be(p + 8, 4) == 0 && get_be(p + 12, 4) == 3, "offset, digits");
	check(get_be(p + 16, 8) == 1 && get_be(p + 24, 8) == 1ull << 40, "range");
	check(get_be(p + 32, 8) == 0x3ff0000000000000ull, "ratio");
	p += 40;
	while (p < end) {
		int64_t v = get_zigzag(&p);

		if (v < 0) {
			slot += (unsigned int)-v;
		} else {
			back.count[slot++] = (uint64_t)v;
			back.n += (uint64_t)v;
		}
	}
	check(p == end && slot <= HIST_SLOTS, "ends at %u", slot);
}

static void fill(uint64_t seed, int n)
{
	struct rng rng;
	int i;

	hist_reset(&hist);
	rng_init(&rng, seed, 0);
	for (i = 0; i < n; i++)
		hist_record(&hist, (uint64_t)dist_gpareto(rng_unit(&rng), 0, 5000, 0.9));
}

static void encoding_round_trip(void)
{
	static const int sizes[] = { 0, 1, 2, 1000, 300000 };
	unsigned int i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t size;
		uint8_t *encoded;

		fill(i + 1, sizes[i]);
		if (sizes[i] == 2)
			hist_record(&hist, HIST_HIGHEST);
		encoded = hdrlog_encode(&hist, &size);
		decode(encoded, size);
		check(back.n == hist.n && !memcmp(back.count, hist.count, sizeof(hist.count)),
		      "%d values", sizes[i]);
		free(encoded);
	}
}

static void huge_counts_survive(void)
{
	static const uint64_t counts[] = { 63, 64, 127, 128, 1ull << 20, (1ull << 56) - 1,
					   1ull << 56, 1ull << 62 };
	size_t size;
	uint8_t *encoded;
	unsigned int i;

	hist_reset(&hist);
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		hist.count[3 * i] = counts[i];
		hist.max = 3 * i;
	}
	hist.n = 1;
	encoded = hdrlog_encode(&hist, &size);
	decode(encoded, size);
	check(!memcmp(back.count, hist.count, sizeof(hist.count)), "counts");
	free(encoded);
}

static int base64_value(int c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static size_t base64_decode(const char *text, uint8_t *to)
{
	uint32_t bits = 0;
	size_t n = 0;
	int have = 0;

	for (; base64_value(*text) >= 0; text++) {
		bits = bits << 6 | (uint32_t)base64_value(*text);
		have += 6;
		if (have >= 8) {
			have -= 8;
			to[n++] = (uint8_t)(bits >> have);
		}
	}
	return n;
}

static void check_interval(const char *line, const char *prefix)
{
	static uint8_t packed[1 << 20], plain[1 << 20];
	uLongf size = sizeof(plain);
	size_t n;

	check(!strncmp(line, prefix, strlen(prefix)), "prefix of %.60s", line);
	check(!strncmp(line + strlen(prefix), "HISTFAAA", 8), "HdrHistogram's magic letters");
	n = base64_decode(line + strlen(prefix), packed);
	check(get_be(packed, 4) == 0x1c849314 && get_be(packed + 4, 4) == n - 8, "outer header");
	check(uncompress(plain, &size, packed + 8, n - 8) == Z_OK, "inflates");
	decode(plain, size);
	check(back.n == hist.n && !memcmp(back.count, hist.count, sizeof(hist.count)), "counts");
}

static void interval_lines(void)
{
	char *text, *line;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	hdrlog_header(file, "test", 1000.5);
	fill(3, 1000);
	hdrlog_interval(file, "service", 0.1, 0.1, &hist);
	fclose(file);
	check(strstr(text, "#[Histogram log format version 1.3]\n"), "version");
	check(strstr(text, "#[StartTime: 1000.500 (seconds since epoch), "), "start time");
	check(strstr(text, "#[BaseTime: 1000.500 (seconds since epoch)]\n"), "base time");
	check(strstr(text, "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
		     "\"Interval_Compressed_Histogram\"\n"), "legend");
	line = strstr(text, "Tag=service,");
	if (line) {
		char prefix[80];

		snprintf(prefix, sizeof(prefix), "Tag=service,0.100,0.100,%.3f,",
			 (double)hist.max / 1e6);
		check_interval(line, prefix);
	}
	check(line && line[strlen(line) - 1] == '\n', "line ends");
	free(text);
}

static void empty_interval(void)
{
	char *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	hist_reset(&hist);
	hdrlog_interval(file, NULL, 2.0, 0.25, &hist);
	fclose(file);
	check_interval(text, "2.000,0.250,0.000,");
	free(text);
}

static void percentile_file(void)
{
	char *text, *p;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	double value, percentile, previous = -1.0, last_value = 0.0;
	unsigned long long total;
	int rows = 0;
	char inverse[32];

	fill(5, 100000);
	hdrlog_percentiles(file, &hist);
	fclose(file);
	check(!strncmp(text, "       Value   Percentile   TotalCount 1/(1-Percentile)\n\n", 57),
	      "header: %.60s", text);
	p = strchr(text, '\n') + 2;
	while (sscanf(p, "%lf %lf %llu %31s", &value, &percentile, &total, inverse) == 4) {
		uint64_t want =
			hist_percentile(&hist, (uint64_t)llround(percentile * 1e6), 1000000);

		/* Printed percentiles have six digits; beyond them only the order is checked. */
		if (percentile < 0.9995)
			check(fabs(value - (double)want) <= 0.002 * value, "p%f: %f, not %llu",
			      percentile, value, (unsigned long long)want);
		check(percentile >= previous && value >= last_value, "row %d out of order", rows);
		previous = percentile;
		last_value = value;
		rows++;
		p = strchr(p, '\n') + 1;
	}
	check(rows > 50 && previous == 1.0, "%d rows up to %f", rows, previous);
	check(total == hist.n && !strcmp(inverse, "inf"), "last row");
	check(strstr(text, "#[Buckets =           31, SubBuckets     =         2048]\n"), "footer");
	free(text);
}

static void percentile_steps_halve(void)
{
	static const double want[] = { 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75,
				       0.775, 0.8, 0.825, 0.85, 0.875, 0.8875 };
	double value, percentile;
	unsigned long long total;
	char *text, *p;
	unsigned int i;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	hist_reset(&hist);
	for (i = 1; i <= 2000; i++)
		hist_record(&hist, i);
	hdrlog_percentiles(file, &hist);
	fclose(file);
	p = strchr(text, '\n') + 2;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		check(sscanf(p, "%lf %lf %llu", &value, &percentile, &total) == 3, "row %u", i);
		check(fabs(percentile - want[i]) < 1e-6, "row %u: %f", i, percentile);
		check(value == fmax(1, ceil(want[i] * 2000 - 1e-9)), "row %u: %f", i, value);
		p = strchr(p, '\n') + 1;
	}
	free(text);
}

static const struct test_case cases[] = {
	{ "hdrlog: encoding survives the round trip", encoding_round_trip },
	{ "hdrlog: counts of up to nine bytes survive", huge_counts_survive },
	{ "hdrlog: interval lines inflate and decode", interval_lines },
	{ "hdrlog: empty interval", empty_interval },
	{ "hdrlog: percentile file agrees with the histogram", percentile_file },
	{ "hdrlog: percentile steps halve towards 1", percentile_steps_halve },
};
TEST_MAIN(cases)
