/* SPDX-License-Identifier: MIT */
/* Kolmogorov-Smirnov distance of a sample from a law. */
#ifndef TESTS_KS_H
#define TESTS_KS_H

#include <math.h>
#include <stdlib.h>

static inline int ks_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the sample. Scaled by sqrt(n): above 1.95 with probability 0.001. */
static inline double ks_distance(double *sample, int n, double (*cdf)(double))
{
	double d = 0.0;
	int i;

	qsort(sample, (size_t)n, sizeof(*sample), ks_order);
	for (i = 0; i < n; i++) {
		double f = cdf(sample[i]);

		d = fmax(d, fmax(f - (double)i / n, (double)(i + 1) / n - f));
	}
	return d * sqrt(n);
}

#define KS_LIMIT 1.95

#endif
