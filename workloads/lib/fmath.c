// SPDX-License-Identifier: MIT
/* Series for log and exp, evaluated in one fixed order. */
#include "lib/fmath.h"

#include <stdint.h>
#include <string.h>

/* ln 2 in two parts; the high one has trailing zeros, so k * LN2_HI is exact. */
#define LN2_HI 0x1.62e42feep-1
#define LN2_LO 0x1.a39ef35793c76p-33
#define INV_LN2 0x1.71547652b82fep+0
#define SQRT2 0x1.6a09e667f3bcdp+0

static uint64_t to_bits(double x)
{
	uint64_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

static double from_bits(uint64_t bits)
{
	double x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

double fmath_log(double x)
{
	uint64_t bits = to_bits(x);
	int e = (int)(bits >> 52) - 1023;
	double m = from_bits((bits & 0xfffffffffffffull) | 0x3ff0000000000000ull);
	double s, s2, sum;
	int k;

	if (m > SQRT2) {
		m *= 0.5;
		e++;
	}
	/* ln m = 2 atanh(s); |s| <= 0.172, eleven terms reach 1e-17. */
	s = (m - 1.0) / (m + 1.0);
	s2 = s * s;
	sum = 0.0;
	for (k = 23; k >= 3; k -= 2)
		sum = sum * s2 + 1.0 / k;
	sum = sum * s2 * s * 2.0;
	return e * LN2_HI + (e * LN2_LO + sum + 2.0 * s);
}

double fmath_exp(double x)
{
	double k, r, sum;
	int i;

	if (x < -700.0)
		return 0.0;
	if (x > 700.0)
		return from_bits(0x7ff0000000000000ull);
	k = (double)(int)(x * INV_LN2 + (x < 0 ? -0.5 : 0.5));
	r = (x - k * LN2_HI) - k * LN2_LO;
	/* Taylor by Horner: 1 + r(1 + r/2(1 + r/3(...))), |r| <= 0.347. */
	sum = 1.0;
	for (i = 15; i >= 1; i--)
		sum = 1.0 + sum * r / i;
	return sum * from_bits((uint64_t)((int)k + 1023) << 52);
}

double fmath_pow(double x, double y)
{
	return fmath_exp(y * fmath_log(x));
}
