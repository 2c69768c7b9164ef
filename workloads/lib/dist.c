// SPDX-License-Identifier: MIT
/* Inverse-transform sampling of the laws. */
#include "lib/dist.h"

#include "lib/fmath.h"

double dist_exponential(double u, double mean)
{
	return -mean * fmath_log(u);
}

double dist_gpareto(double u, double loc, double scale, double k)
{
	return loc + scale * (fmath_pow(u, -k) - 1.0) / k;
}

double dist_gev(double u, double loc, double scale, double k)
{
	double e = -fmath_log(u);

	/* u = 1 would give E = 0 and an infinite sample. */
	if (e < 0x1p-53)
		e = 0x1p-53;
	return loc + scale * (fmath_pow(e, -k) - 1.0) / k;
}

double dist_gpareto_mean(double loc, double scale, double k)
{
	return loc + scale / (1.0 - k);
}

int dist_discrete(double u, const struct dist_point *table, size_t n,
		  double *value, double *rest)
{
	double p = 1.0 - u, sum = 0.0;
	size_t i;

	for (i = 0; i < n; i++) {
		sum += table[i].probability;
		if (p < sum) {
			*value = table[i].value;
			return 1;
		}
	}
	if (sum >= 1.0) {
		/* The table is complete: rounding left p at its very end. */
		*value = table[n - 1].value;
		return 1;
	}
	*rest = u / (1.0 - sum);
	if (*rest > 1.0)
		*rest = 1.0;
	return 0;
}
