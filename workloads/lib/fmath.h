/* SPDX-License-Identifier: MIT */
/*
 * Logarithm, exponential and power that give the same bits on every x86-64.
 *
 * The C library picks another implementation on CPUs with FMA, whose last
 * bit may differ; a schedule computed from it would then depend on the
 * machine. These use only +, -, * and / in a fixed order (build without
 * contraction) and agree with the C library to about 1e-15 relative.
 */
#ifndef LIB_FMATH_H
#define LIB_FMATH_H

/* Natural logarithm of a normal, positive number. */
double fmath_log(double x);

/* e^x; 0 below -700, +infinity above 700. */
double fmath_exp(double x);

/* x^y for normal, positive x. */
double fmath_pow(double x, double y);

#endif
