/* SPDX-License-Identifier: MIT */
/*
 * Closed forms of queueing theory, written down from the textbooks and with no
 * line in common with the simulator. Time is in units of the mean service time.
 *
 * Sources: Kleinrock, Queueing Systems I and II; Harchol-Balter, Performance
 * Modeling and Design of Computer Systems (chapters 14, 23, 32, 33).
 */
#ifndef TESTS_QUEUEING_H
#define TESTS_QUEUEING_H

#include <math.h>

/* Erlang C: the probability of having to wait in M/M/k at load rho. */
static inline double erlang_c(int k, double rho)
{
	double b = 1.0;
	int i;

	/* Erlang B by its recursion, which has no factorials to overflow. */
	for (i = 1; i <= k; i++)
		b = b * k * rho / (i + b * k * rho);
	return b / (1.0 - rho * (1.0 - b));
}

static inline double mmk_mean(int k, double rho)
{
	return 1.0 + erlang_c(k, rho) / (k * (1.0 - rho));
}

/* P(T > t) in M/M/k, first come first served. */
static inline double mmk_tail(int k, double rho, double t)
{
	double c = erlang_c(k, rho), d = k - 1 - k * rho;

	if (fabs(d) < 1e-9)
		return exp(-t) * (1.0 + c * t);
	return exp(-t) * (1.0 + c / d) - c / d * exp(-(1.0 + d) * t);
}

static inline double mmk_percentile(int k, double rho, double p)
{
	double low = 0.0, high = 1e4, middle;
	int i;

	for (i = 0; i < 100; i++) {
		middle = 0.5 * (low + high);
		if (mmk_tail(k, rho, middle) > 1.0 - p)
			low = middle;
		else
			high = middle;
	}
	return 0.5 * (low + high);
}

/* Pollaczek-Khinchine: mean time in M/G/1 first come first served; cv2: Var S / E[S]^2. */
static inline double mg1_mean(double rho, double cv2)
{
	return 1.0 + rho * (1.0 + cv2) / (2.0 * (1.0 - rho));
}

/* Mean time of a request of size x in M/G/1 processor sharing, whatever the law. */
static inline double ps_mean(double rho, double x)
{
	return x / (1.0 - rho);
}

/* The share of time that is left for service when each of n interruptions costs c. */
static inline double capacity(double mean, double cost, double n)
{
	return mean / (mean + cost * n);
}

/*
 * Mean time in M/M/1 under shortest remaining time first (Schrage and Miller 1966), and under
 * shortest job first without interruption (Phipps 1956). load_to(x): what sizes up to x bring.
 */
static inline double load_to(double rho, double x)
{
	return rho * (1.0 - exp(-x) * (1.0 + x));
}

static inline double srpt_mm1_mean(double rho)
{
	double mean = 0.0, residence = 0.0, x, dx = 1e-3;

	for (x = dx / 2; x < 40.0; x += dx) {
		double moment = 2.0 - exp(-x) * (x * x + 2.0 * x + 2.0);
		double free = 1.0 - load_to(rho, x);

		residence += dx / free;
		mean += exp(-x) * dx *
			(rho * (moment + x * x * exp(-x)) / (2.0 * free * free) + residence);
	}
	return mean;
}

static inline double sjf_mm1_mean(double rho)
{
	double mean = 1.0, x, dx = 1e-3;

	for (x = dx / 2; x < 40.0; x += dx)
		mean += exp(-x) * dx * rho / pow(1.0 - load_to(rho, x), 2);
	return mean;
}

/*
 * Mean time of class i of n with constant sizes and loads of their own, class 0 first: Cobham
 * (1954) without interruption, White and Christie (1958) with it.
 */
static inline double priority_mean(int i, int n, const double *size, const double *load,
				   int interrupting)
{
	double above = 0.0, residual = 0.0;
	int j;

	for (j = 0; j < i; j++)
		above += load[j];
	for (j = 0; j < (interrupting ? i + 1 : n); j++)
		residual += load[j] * size[j] / 2.0;
	residual /= (1.0 - above) * (1.0 - above - load[i]);
	return interrupting ? size[i] / (1.0 - above) + residual : size[i] + residual;
}

#endif
